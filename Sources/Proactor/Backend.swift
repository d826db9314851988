// Owns what a backend of the loop must do; the loop and its streams decide, a backend only carries out.
internal import Topology

/// Which way of asking the kernel a loop uses.
public enum IOKind: String, Sendable, CaseIterable {
    case uring = "io_uring"
    case epoll
}

/// How a send is to go about.
struct SendManner {
    /// Whether it waits for room in the kernel; if not, it completes with the bytes that there is room for at once.
    var waits: Bool
    /// Whether more bytes, or FIN, follow at once: the kernel may put them into the same packet.
    var more: Bool
    /// Whether somebody waits to be told.
    var isAwaited: Bool
}

/// One way of doing input and output. A class to be overridden and not a protocol: the calls cost one vtable load.
class Backend {
    /// Begins a receive; each completion goes to `Stream.completeReceive`.
    func armReceive(_ stream: Stream, _ mode: ReceiveMode) {}
    /// Ends a continuous receive; its last completion still comes.
    func cancelReceive(_ stream: Stream) {}
    /// Sends the bytes of `stream.sending`. Asks `stream.isPermitted` each time before bytes go to the kernel, and when
    /// the answer is no, drops them (`Stream.dropUnsent`) and later completes with `Stream.notPermitted`.
    func submitSend(_ stream: Stream, _ manner: SendManner) {}
    /// Calls `Stream.completeRoom` once the kernel has room for bytes of the stream.
    func awaitRoom(_ stream: Stream) {}
    /// Somebody waits to be told of the sends of this turn.
    func awaitSends() {}
    func submitConnect(_ stream: Stream, _ address: SocketAddress) {}
    /// Makes every operation of the stream complete soon.
    func cancelAll(_ stream: Stream) {}
    /// The acceptor's descriptor is about to be closed.
    func forget(_ acceptor: Acceptor) {}
    /// A stream was made on this loop.
    func adopt(_ stream: Stream) throws(SystemError) {}
    func armAccept(_ acceptor: Acceptor) {}
    func cancelAccept(_ acceptor: Acceptor) {}
    /// Comes before each wait: may tell streams of what it completes.
    func prepare() {}
    /// Hands everything to the kernel and waits for a completion, at most `nanoseconds` (nil: without limit).
    func wait(nanoseconds: Int64?) {}
    /// Tells streams and acceptors what completed.
    func dispatch() {}
    /// Ends the backend; nothing is in flight any more.
    func end() {}
}
