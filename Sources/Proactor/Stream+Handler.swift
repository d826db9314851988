// Owns telling a stream's handler without counting a reference to it.

/// A handler as its type and its address: what a call needs that takes no reference.
///
/// SAFETY: the stream holds its handler, and one that is replaced or let go of in a call is kept until the turn's end. So
/// whoever is told of something in this turn outlives the call.
private struct Told {
    let type: any StreamHandler.Type
    let object: UnsafeMutableRawPointer

    @inline(__always)
    init(_ handler: any StreamHandler) {
        type = Swift.type(of: handler)
        object = Unmanaged<AnyObject>.passUnretained(handler).toOpaque()
    }
}

extension Stream {
    @inline(__always)
    private var told: Told? { handler.map { Told($0) } }

    @inline(__always)
    func tellConnected() { if let told { connected(told.type, told.object) } }
    @inline(__always)
    func tellReceived(_ buffer: consuming LoopBuffer) { if let told { received(told.type, told.object, buffer) } }
    @inline(__always)
    func tellEnded() { if let told { ended(told.type, told.object) } }
    @inline(__always)
    func tellSent(_ count: Int) { if let told { sent(told.type, told.object, count) } }
    @inline(__always)
    func tellFailed(_ failure: StreamFailure) { if let told { failed(told.type, told.object, failure) } }

    // SAFETY: here and below: `object` is of the type beside it, with which it was read, and lives as said above.
    private func connected<Handler: StreamHandler>(_: Handler.Type, _ object: UnsafeMutableRawPointer) {
        Unmanaged<Handler>.fromOpaque(object)._withUnsafeGuaranteedRef { $0.streamConnected(self) }
    }

    private func received<Handler: StreamHandler>(
        _: Handler.Type, _ object: UnsafeMutableRawPointer, _ buffer: consuming LoopBuffer
    ) {
        var handed: LoopBuffer? = buffer
        Unmanaged<Handler>.fromOpaque(object)._withUnsafeGuaranteedRef { handler in
            if let buffer = handed.take() { handler.stream(self, received: buffer) }
        }
    }

    private func ended<Handler: StreamHandler>(_: Handler.Type, _ object: UnsafeMutableRawPointer) {
        Unmanaged<Handler>.fromOpaque(object)._withUnsafeGuaranteedRef { $0.streamEnded(self) }
    }

    // SAFETY: as above.
    private func sent<Handler: StreamHandler>(_: Handler.Type, _ object: UnsafeMutableRawPointer, _ count: Int) {
        Unmanaged<Handler>.fromOpaque(object)._withUnsafeGuaranteedRef { $0.stream(self, sent: count) }
    }

    private func failed<Handler: StreamHandler>(
        _: Handler.Type, _ object: UnsafeMutableRawPointer, _ failure: StreamFailure
    ) {
        Unmanaged<Handler>.fromOpaque(object)._withUnsafeGuaranteedRef { $0.stream(self, failed: failure) }
    }
}
