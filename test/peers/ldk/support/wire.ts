/**
 * The connection of two nodes: LDK's own encrypted transport, with a queue where a socket would be.
 */
import { ldk, unwrap } from "./ldk.ts";
import type { LdkNode } from "./node.ts";

/** LDK tells sockets apart by a number that is its user's to give. */
let sockets = 0n;

interface End {
  readonly node: LdkNode;
  readonly socket: ldk.SocketDescriptor;
  /** What has come for this end, and was not read yet. */
  readonly inbox: Uint8Array[];
}

export class Wire {
  readonly #ends: readonly [End, End];

  /** `one` calls `other`. */
  constructor(one: LdkNode, other: LdkNode) {
    const [toOne, toOther]: [Uint8Array[], Uint8Array[]] = [[], []];
    const ends: [End, End] = [
      { node: one, socket: socketInto(toOther), inbox: toOne },
      { node: other, socket: socketInto(toOne), inbox: toOther },
    ];
    const nowhere = ldk.Option_SocketAddressZ.constructor_none();
    unwrap(other.peers.new_inbound_connection(ends[1].socket, nowhere), "a call from a peer");
    const hello = one.peers.new_outbound_connection(other.id, ends[0].socket, nowhere);
    toOther.push(unwrap<Uint8Array>(hello, "a call to a peer"));
    this.#ends = ends;
  }

  /**
   * Hands over what lies there by now; what comes of it waits for the next time. Whether there was
   * anything.
   */
  deliver(): boolean {
    let moved = false;
    for (const { node, socket, inbox } of this.#ends)
      for (const data of inbox.splice(0)) {
        moved = true;
        const mustPause = unwrap<boolean>(
          node.peers.read_event(socket, data),
          "to read what its peer sent",
        );
        // It asks for that while its own answers are not taken, and here they always are.
        if (mustPause) throw new Error("LDK asks to pause a wire that is never full");
      }
    return moved;
  }
}

/**
 * A queue, never the other node itself: LDK calls `send_data` out of the middle of its own work,
 * and must not be called back from there.
 */
function socketInto(inbox: Uint8Array[]): ldk.SocketDescriptor {
  const number = ++sockets;
  return ldk.SocketDescriptor.new_impl({
    send_data(data) {
      // LDK's memory is free again once this returns.
      if (data.length > 0) inbox.push(Uint8Array.from(data));
      return data.length;
    },
    disconnect_socket() {
      throw new Error("LDK hung up on its peer: run the test with SIGIL_LDK_LOG=1 to see why");
    },
    eq: (other) => other.hash() === number,
    hash: () => number,
  });
}
