// Owns libyaml: turns the bytes of one text into events with marks. The only unsafe code of reading settings.
internal import CYAML

/// What libyaml saw next. Tags and anchors are only told from none: settings refuse both.
struct YAMLEvent {
    enum Kind {
        case scalar(String, isPlain: Bool)
        case sequenceStart, sequenceEnd
        case mappingStart, mappingEnd
        case alias
        case documentStart, documentEnd
        case streamEnd
    }

    var kind: Kind
    var hasAnchor = false
    var hasTag = false
    var start: Mark
    var end: Mark
}

/// Why the text is not YAML.
struct YAMLSyntaxError: Error {
    var message: String
    var mark: Mark
}

/// The events of one text, in order.
///
/// SAFETY: libyaml keeps pointers into the input and into its own parser, so both live on the heap at addresses that
/// do not change, are owned by this value alone (it cannot be copied), and are freed in `deinit`, parser first.
struct YAMLEvents: ~Copyable {
    private let input: UnsafeMutableBufferPointer<UInt8>
    private let parser: UnsafeMutablePointer<yaml_parser_t>

    /// Copies `text`. Throws only when libyaml cannot get memory.
    init(_ text: String) throws(YAMLSyntaxError) {
        let utf8 = text.utf8
        input = .allocate(capacity: utf8.count)
        _ = input.initialize(from: utf8)
        parser = .allocate(capacity: 1)
        parser.initialize(to: yaml_parser_t())
        guard yaml_parser_initialize(parser) == 1 else {
            // No `deinit` runs for a value whose initializer throws before it is whole.
            parser.deallocate()
            input.deallocate()
            throw YAMLSyntaxError(message: "there is no memory to parse it", mark: Mark(line: 1, column: 1))
        }
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        // SAFETY: libyaml reads `count` bytes and never past them; the base of an empty buffer is not read.
        yaml_parser_set_input_string(parser, input.baseAddress, input.count)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deinitialize(count: 1)
        parser.deallocate()
        input.deallocate()
    }

    /// The next event; after `streamEnd` or an error it is not called again.
    mutating func next() throws(YAMLSyntaxError) -> YAMLEvent {
        while true {
            var event = yaml_event_t()
            guard yaml_parser_parse(parser, &event) == 1 else { throw syntaxError() }
            // SAFETY: the event owns its strings; they are copied before it is deleted, here, on every path.
            defer { yaml_event_delete(&event) }
            if let read = Self.read(event) { return read }
        }
    }

    private static func read(_ event: yaml_event_t) -> YAMLEvent? {
        let start = Mark(event.start_mark)
        let end = Mark(event.end_mark)
        func plain(_ kind: YAMLEvent.Kind) -> YAMLEvent { YAMLEvent(kind: kind, start: start, end: end) }
        switch event.type {
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            // SAFETY: libyaml gives `length` initialized bytes at `value`; it has checked that they are UTF-8.
            let text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
            return YAMLEvent(
                kind: .scalar(text, isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE),
                hasAnchor: scalar.anchor != nil, hasTag: scalar.tag != nil, start: start, end: end)
        case YAML_SEQUENCE_START_EVENT:
            let sequence = event.data.sequence_start
            return YAMLEvent(
                kind: .sequenceStart, hasAnchor: sequence.anchor != nil, hasTag: sequence.tag != nil, start: start,
                end: end)
        case YAML_MAPPING_START_EVENT:
            let mapping = event.data.mapping_start
            return YAMLEvent(
                kind: .mappingStart, hasAnchor: mapping.anchor != nil, hasTag: mapping.tag != nil, start: start,
                end: end)
        case YAML_SEQUENCE_END_EVENT: return plain(.sequenceEnd)
        case YAML_MAPPING_END_EVENT: return plain(.mappingEnd)
        case YAML_ALIAS_EVENT: return plain(.alias)
        case YAML_DOCUMENT_START_EVENT: return plain(.documentStart)
        case YAML_DOCUMENT_END_EVENT: return plain(.documentEnd)
        case YAML_STREAM_END_EVENT, YAML_NO_EVENT: return plain(.streamEnd)
        default: return nil
        }
    }

    private func syntaxError() -> YAMLSyntaxError {
        // SAFETY: both texts are C string literals inside libyaml, or null.
        let problem = parser.pointee.problem.map { String(cString: $0) } ?? "not YAML"
        var message = problem
        if let context = parser.pointee.context.map({ String(cString: $0) }) {
            message += " (\(context) that begins at line \(parser.pointee.context_mark.line + 1))"
        }
        // Errors of the reader (bad characters) come with no mark of their own.
        let isReader = parser.pointee.error == YAML_READER_ERROR
        return YAMLSyntaxError(
            message: message, mark: Mark(isReader ? parser.pointee.mark : parser.pointee.problem_mark))
    }
}

extension Mark {
    fileprivate init(_ mark: yaml_mark_t) {
        self.init(line: Int(truncatingIfNeeded: mark.line) + 1, column: Int(truncatingIfNeeded: mark.column) + 1)
    }
}
