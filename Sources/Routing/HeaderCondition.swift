// Owns what a route requires of a request's header fields.

/// A header that a route requires, ready to be compared with the bytes of a request.
public struct HeaderCondition: Hashable, Sendable {
    /// The field's name in lower case.
    public let name: [UInt8]
    /// The value it must have, byte for byte; nil: any.
    public let value: [UInt8]?

    init(_ pattern: HeaderPattern) {
        name = pattern.name.utf8.map(\.lowercased)
        value = pattern.value.map { Array($0.utf8) }
    }

    /// Whether one field satisfies the condition. `name` in any case, `value` without the white space around it.
    public func isSatisfied(by name: Span<UInt8>, value: Span<UInt8>) -> Bool {
        guard name.count == self.name.count else { return false }
        for index in name.indices where name[index].lowercased != self.name[index] { return false }
        guard let wanted = self.value else { return true }
        guard value.count == wanted.count else { return false }
        for index in value.indices where value[index] != wanted[index] { return false }
        return true
    }
}
