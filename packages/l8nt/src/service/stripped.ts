/** A Web-standard request as its handler sees it. spec/3-challenge.md §5. */
import { headersWithoutCredential, stripHeaders } from "./forwarded.ts";
import { guardOf, leaveGuard } from "./guard.ts";

/** The same request without the credential, or a new one if its fields cannot be changed. */
export function strippedRequest<R extends Request>(request: R): R {
  try {
    stripHeaders(request.headers);
    return request;
  } catch {
    const Same = request.constructor as new (given: Request, init: RequestInit) => R;
    const stripped = new Same(request, { headers: headersWithoutCredential(request.headers) });
    leaveGuard(stripped, guardOf(request));
    return stripped;
  }
}
