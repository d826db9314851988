// Owns starting a named thread.
internal import CLinux
internal import Glibc

/// A thread of the system. Loops run on one each.
public struct LoopThread: Sendable {
    private let handle: pthread_t

    /// Starts a thread that runs `body` and ends.
    ///
    /// - Parameter name: shown by `top -H`; the kernel keeps 15 bytes.
    public static func start(name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) -> LoopThread {
        // SAFETY: released once: by the thread that was started, or below when none was.
        let start = Unmanaged.passRetained(Start(name: String(name.utf8.prefix(15)) ?? "meridian", body: body))
        var handle = pthread_t()
        let code = pthread_create(
            &handle, nil,
            { argument in
                // SAFETY: the pointer is the `Start` retained above, taken over exactly once.
                guard let argument else { return nil }
                let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                ml_name_thread(start.name)
                start.body()
                return nil
            }, start.toOpaque())
        guard code == 0 else {
            start.release()
            throw SystemError(code: code, action: "start thread \(name)")
        }
        return LoopThread(handle: handle)
    }

    /// Lets the thread go: nobody will wait for its end.
    public func detach() { pthread_detach(handle) }

    /// Waits until the thread has ended.
    public func join() { pthread_join(handle, nil) }

    private final class Start: Sendable {
        let name: String
        let body: @Sendable () -> Void
        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }
}
