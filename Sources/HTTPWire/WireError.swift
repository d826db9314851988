// Owns what can be wrong with a message: the status to answer and a stable word for logs and metrics.

/// Why a message is refused.
public struct WireError: Error, Hashable, Sendable {
    /// The status of the answer to a bad request; a bad response is always answered 502.
    public let status: Int
    /// A stable word such as `bare_lf`.
    public let reason: StaticText

    @inlinable
    public init(_ status: Int, _ reason: StaticString) {
        self.status = status
        self.reason = StaticText(reason)
    }
}

/// A `StaticString` that can be compared.
public struct StaticText: Hashable, Sendable, CustomStringConvertible {
    public let value: StaticString
    @inlinable public init(_ value: StaticString) { self.value = value }
    public var description: String { value.description }
    public static func == (left: StaticText, right: StaticText) -> Bool { left.description == right.description }
    public func hash(into hasher: inout Hasher) { hasher.combine(description) }
}

extension WireError: CustomStringConvertible {
    public var description: String { "\(status) \(reason)" }
}

/// What the parse of a head came to.
public enum HeadOutcome: Hashable, Sendable {
    /// The head is whole and takes so many bytes.
    case complete(Int)
    /// Nothing is wrong so far, but the head's end has not come.
    case needMore
    case failed(WireError)
}
