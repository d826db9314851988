// Owns the choice of certificates by the name that a client asks for.

/// Which of several certificates are for a name: those with that very name, else those with a wildcard for its first label.
struct ServerNames: Hashable, Sendable {
    /// What a certificate is to this choice.
    struct Candidate: Hashable, Sendable {
        /// In lower case.
        let names: [String]
        let kind: TLSIdentityReport.KeyKind
    }

    // Looked up only, never gone through.
    private let places: [String: [Int]]
    /// Those for a client that names nobody, or nobody known: the first, and for its first name those of other kinds.
    let first: [Int]

    /// - Parameter candidates: in the order of preference: of several of one kind for a name the first is taken.
    init(_ candidates: [Candidate]) {
        var places: [String: [Int]] = [:]
        for (place, candidate) in candidates.enumerated() {
            for name in candidate.names {
                let others = places[name, default: []]
                if others.contains(where: { candidates[$0].kind == candidate.kind }) { continue }
                places[name] = others + [place]
            }
        }
        self.places = places
        let first = candidates.first?.names.first.flatMap { places[$0] } ?? (candidates.isEmpty ? [] : [0])
        self.first = first.contains(0) ? first : [0]
    }

    /// The places of the certificates for a name, at most one of each kind of key; nil: none is for it.
    ///
    /// RFC 6125 §6.4.3: a wildcard stands for one whole label, the first. Case does not matter, nor a dot at the end.
    func places(for name: String) -> [Int]? {
        var name = name.lowercased()
        if name.hasSuffix(".") { name.removeLast() }
        if let exact = places[name] { return exact }
        guard let dot = name.firstIndex(of: "."), dot != name.startIndex else { return nil }
        return places["*" + name[dot...]]
    }
}
