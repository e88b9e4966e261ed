/*
 * Reads and verifies a macaroon with libmacaroons. Arguments: location, root key, identifier, and
 * the caveats. For each line of input that holds a count, does it that many times and prints the CPU
 * time in nanoseconds.
 */
#include <macaroons.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef const unsigned char* bytes;

static long judged;

/* No caveat is judged, only counted. */
static int any(void* facts, bytes caveat, size_t length) {
  (void)facts, (void)caveat, (void)length;
  judged++;
  return 0;
}

static long long cpu(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int main(int count, char** given) {
  if (count < 4) return 2;
  const long caveats = count - 4;
  enum macaroon_returncode error;
  struct macaroon* made =
      macaroon_create((bytes)given[1], strlen(given[1]), (bytes)given[2], strlen(given[2]),
                      (bytes)given[3], strlen(given[3]), &error);
  for (int at = 4; at < count; at++)
    made = macaroon_add_first_party_caveat(made, (bytes)given[at], strlen(given[at]), &error);
  const size_t size = macaroon_serialize_size_hint(made);
  char* text = calloc(1, size + 1);
  if (macaroon_serialize(made, text, size, &error) != 0) return 1;

  struct macaroon_verifier* verifier = macaroon_verifier_create();
  macaroon_verifier_satisfy_general(verifier, any, NULL, &error);
  long times;
  while (scanf("%ld", &times) == 1) {
    judged = 0;
    const long long start = cpu();
    for (long at = 0; at < times; at++) {
      struct macaroon* read = macaroon_deserialize(text, &error);
      if (read == NULL || macaroon_verify(verifier, read, (bytes)given[2], strlen(given[2]), NULL,
                                          0, &error) != 0)
        return 1;
      macaroon_destroy(read);
    }
    if (judged != caveats * times) return 1;
    printf("%lld\n", cpu() - start);
    fflush(stdout);
  }
  return 0;
}
