// Owns the pipes that splice moves bytes through, and a bounded stock of empty ones.
internal import CLinux
internal import Glibc

/// A non-blocking pipe that holds bytes on their way between two sockets. One owner; goes back to its pool empty.
public struct Pipe {
    let readEnd: Int32
    let writeEnd: Int32
    /// Bytes in it.
    public private(set) var count = 0
    /// Bytes that fit, by the kernel's default of 16 pages.
    public static let capacity = 65_536

    /// The outcome of one splice.
    public enum Outcome: Equatable, Sendable {
        case moved(Int)
        /// The source's peer said FIN.
        case ended
        /// Nothing to be had, or no room: poll.
        case wouldBlock
        case failed(StreamFailure)
    }

    init() throws(SystemError) {
        var ends: [Int32] = [0, 0]
        let result = ml_pipe(&ends)
        guard result == 0 else { throw SystemError(code: -result, action: "pipe") }
        readEnd = ends[0]
        writeEnd = ends[1]
    }

    /// Moves what the socket has into the pipe. Never blocks.
    public mutating func fill(from stream: Stream) -> Outcome {
        let result = ml_splice(stream.descriptor, writeEnd, Pipe.capacity)
        if result > 0 { count += Int(result) }
        return Pipe.outcome(result)
    }

    /// Moves what is in the pipe to the socket. Never blocks.
    public mutating func drain(into stream: Stream) -> Outcome {
        guard count > 0 else { return .wouldBlock }
        let result = ml_splice(readEnd, stream.descriptor, count)
        if result > 0 { count -= Int(result) }
        return Pipe.outcome(result)
    }

    private static func outcome(_ result: Int32) -> Outcome {
        if result > 0 { return .moved(Int(result)) }
        if result == 0 { return .ended }
        if result == -EAGAIN || result == -EINTR { return .wouldBlock }
        return .failed(StreamFailure(code: -result))
    }

    func close() {
        Glibc.close(readEnd)
        Glibc.close(writeEnd)
    }
}

/// Empty pipes for reuse: making one costs a system call and two descriptors.
public final class PipePool {
    private var free: [Pipe] = []
    private let limit: Int

    /// - Parameter limit: pipes kept; more are closed when they come back.
    public init(limit: Int = 64) { self.limit = limit }

    deinit { for pipe in free { pipe.close() } }

    /// An empty pipe.
    ///
    /// - Throws: when there are no descriptors left.
    public func take() throws(SystemError) -> Pipe {
        if let pipe = free.popLast() { return pipe }
        return try Pipe()
    }

    /// Takes a pipe back. One that still has bytes in it is closed instead.
    public func giveBack(_ pipe: Pipe) {
        if pipe.count == 0, free.count < limit { free.append(pipe) } else { pipe.close() }
    }
}
