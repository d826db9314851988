// Owns the keys of one mapping of the file: texts, each once.

/// A mapping's values by key, in the order of the file.
struct Fields {
    let ordered: [(name: String, pair: YAMLNode.Pair)]
    /// The mapping itself.
    let node: YAMLNode
    private let indices: [String: Int]

    /// Nil when the node is no mapping; keys that are no texts, and keys that come again, are reported and left out.
    init?(_ node: YAMLNode, of noun: String, _ reading: Reading) {
        self.node = node
        var ordered: [(name: String, pair: YAMLNode.Pair)] = []
        var indices: [String: Int] = [:]
        switch node.content {
        case .mapping(let pairs):
            for pair in pairs {
                guard let name = pair.key.text else {
                    reading.error(at: pair.key, "expected a key of \(noun), found \(pair.key.found)")
                    continue
                }
                if let first = indices[name] {
                    let line = ordered[first].pair.key.start.line
                    reading.error(at: pair.key, "the key \(quoted(name)) comes twice, first in line \(line)")
                    continue
                }
                indices[name] = ordered.count
                ordered.append((name, pair))
            }
        default:
            guard node.isNull else {
                reading.error(at: node, "expected the keys of \(noun), found \(node.found)")
                return nil
            }
        }
        self.ordered = ordered
        self.indices = indices
    }

    /// The value of a key; nil when it was not written.
    subscript(name: String) -> YAMLNode? { indices[name].map { ordered[$0].pair.value } }

    /// The key itself, to point at.
    func key(_ name: String) -> YAMLNode? { indices[name].map { ordered[$0].pair.key } }
}
