// Owns what all HTTP/1 connections of a loop to backends share: limits and the parser.
internal import HTTPWire
public import Proactor

/// Belongs to its loop's thread.
public final class H1ClientContext {
    public let loop: EventLoop
    /// Reused for every head: offsets are read before the next one is parsed.
    let head = ResponseHead()
    private(set) var parser: ResponseHeadParser

    public init(loop: EventLoop, maximumHead: Int = 32 << 10, maximumFields: Int = 128) {
        self.loop = loop
        parser = ResponseHeadParser(maximumHead: maximumHead, maximumFields: maximumFields)
    }

    /// Takes new limits.
    public func configure(maximumHead: Int, maximumFields: Int) {
        parser = ResponseHeadParser(maximumHead: maximumHead, maximumFields: maximumFields)
    }
}
