// Owns what the tests of frames share: bytes in any portions in, pieces as text out.
import HTTP2Wire
import HTTPWire

/// Reads frames in portions of `size` bytes, carrying over what cannot be read yet.
///
/// - Returns: each piece as a line; pieces of one payload are put together.
func readFrames(_ input: [UInt8], portions size: Int, maximumFrame: Int = 16_384) -> [String] {
    var reader = FrameReader(maximumFrame: maximumFrame)
    var lines: [String] = []
    var payload: [UInt8] = []
    var carried: [UInt8] = []
    var start = 0
    repeat {
        let end = min(input.count, start + size)
        carried += input[start..<end]
        start = end
        var position = 0
        stepping: while true {
            switch reader.next(carried.span, &position) {
            case .needMore: break stepping
            case .failed(let code): return lines + ["failed \(code)"]
            case .piece(.dataPiece(let range, let isLast)), .piece(.fragment(let range, let isLast)):
                payload += carried[range]
                if isLast {
                    lines.append("bytes \(hex(payload))")
                    payload = []
                }
            case .piece(let piece): lines.append(text(piece, carried))
            }
        }
        carried.removeFirst(position)
        if carried.count > FrameReader.lookahead { return lines + ["carries \(carried.count)"] }
    } while start < input.count
    return lines + (carried.isEmpty && reader.isBetweenFrames ? [] : ["unfinished"])
}

private func text(_ piece: FramePiece, _ input: [UInt8]) -> String {
    switch piece {
    case .data(let stream, let length, let ends): "data \(stream) \(length)\(ends ? " end" : "")"
    case .headers(let stream, let ends, let endsHeaders):
        "headers \(stream)\(ends ? " end" : "")\(endsHeaders ? " whole" : "")"
    case .continuation(let stream, let length, let ends): "continuation \(stream) \(length)\(ends ? " whole" : "")"
    case .priority(let stream): "priority \(stream)"
    case .reset(let stream, let code): "reset \(stream) \(code)"
    case .setting(let identifier, let value): "setting \(identifier)=\(value)"
    case .settingsEnd: "settings"
    case .settingsAcknowledgement: "settings acknowledged"
    case .ping(let payload): "ping \(payload)"
    case .pingAcknowledgement(let payload): "ping acknowledged \(payload)"
    case .goAway(let last, let code): "goaway \(last) \(code)"
    case .windowUpdate(let stream, let increment): "window \(stream) \(increment)"
    case .priorityUpdate(let stream, let range):
        "priority update \(stream) \(String(decoding: input[range], as: UTF8.self))"
    case .unknown: "unknown"
    case .dataPiece, .fragment: "piece"
    }
}

/// What `write` appends to memory of `room` bytes; nil when it did not fit.
func written(room: Int = 65_536, _ write: (inout OutputWriter) -> Void) -> [UInt8]? {
    var memory = [UInt8](repeating: 0xEE, count: room)
    var writer = OutputWriter(memory.mutableSpan)
    write(&writer)
    let count = writer.count
    let overflowed = writer.overflowed
    return overflowed ? nil : Array(memory[..<count])
}
