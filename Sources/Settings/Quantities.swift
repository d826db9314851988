// Owns how numbers are spelt: counts, sizes, shares and ranges of statuses.
internal import Topology

enum SizeText {
    /// Largest first within each family, the binary one first, so that writing prefers it.
    private static let units: [(name: String, bytes: Int)] = [
        ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("TB", 1_000_000_000_000),
        ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000), ("KB", 1_000), ("B", 1),
    ]

    /// A whole number with `KiB`, `MiB`, `GiB`, `TiB` (powers of 1024), `kB` or `KB`, `MB`, `GB`, `TB` (powers of
    /// 1000), `B` or nothing for bytes.
    static func parse(_ text: String) throws(InvalidValue) -> ByteCount {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let name = text[digits.endIndex...]
        let unit = name.isEmpty ? 1 : units.first { $0.name == name }?.bytes
        guard !digits.isEmpty, let unit else { throw InvalidValue("expected a size such as 512, 64KiB or 10MB") }
        guard let count = Int(digits), case (let bytes, false) = count.multipliedReportingOverflow(by: unit) else {
            throw InvalidValue("the size is too large")
        }
        return ByteCount(bytes)
    }

    static func write(_ size: ByteCount) -> String {
        guard let unit = units.first(where: { $0.bytes > 1 && size.bytes >= $0.bytes && size.bytes % $0.bytes == 0 })
        else { return "\(size.bytes)" }
        return "\(size.bytes / unit.bytes)\(unit.name)"
    }
}

enum ShareText {
    /// A percentage with at most three decimals, `0%` to `100%`, as a share of 1.
    static func parse(_ text: String) throws(InvalidValue) -> Double {
        let number = text.dropLast()
        let parts = number.split(separator: ".", omittingEmptySubsequences: false)
        let isNumber =
            (1...2).contains(parts.count)
            && parts.allSatisfy { (1...3).contains($0.utf8.count) && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }
        guard text.hasSuffix("%"), isNumber, let percent = Double(number) else {
            throw InvalidValue("expected a percentage such as 20%")
        }
        guard percent <= 100 else { throw InvalidValue("expected a percentage from 0% to 100%") }
        return percent / 100
    }

    static func write(_ share: Double) -> String {
        let thousandths = Int((share * 100_000).rounded())
        guard thousandths % 1000 != 0 else { return "\(thousandths / 1000)%" }
        return "\(Double(thousandths) / 1000)%"
    }
}

extension ValueSchema where Value == Int {
    /// A whole number within a range.
    static func count(_ range: ClosedRange<Int>) -> ValueSchema {
        .scalar(
            "whole number",
            parse: { text throws(InvalidValue) in
                guard let number = Int(text), range.contains(number) else {
                    throw InvalidValue("expected a whole number from \(range.lowerBound) to \(range.upperBound)")
                }
                return number
            }, write: { "\($0)" })
    }

    /// A weight: 0-256.
    static var weight: ValueSchema { .count(0...256) }
}

extension ValueSchema where Value == ByteCount {
    /// A size within a range.
    static func size(_ range: ClosedRange<ByteCount>) -> ValueSchema {
        .scalar(
            "size",
            parse: { text throws(InvalidValue) in
                let size = try SizeText.parse(text)
                guard range.contains(size) else {
                    let (low, high) = (SizeText.write(range.lowerBound), SizeText.write(range.upperBound))
                    throw InvalidValue("expected a size from \(low) to \(high)")
                }
                return size
            }, write: SizeText.write)
    }
}

extension ValueSchema where Value == Double {
    /// `0%` to `100%`, as a share of 1.
    static var share: ValueSchema { .scalar("percentage", parse: ShareText.parse, write: ShareText.write) }
}

extension ValueSchema where Value == ClosedRange<Int> {
    /// One status or a range of them: `200`, `200-399`.
    static var statuses: ValueSchema {
        .scalar(
            "status or range of statuses",
            parse: { text throws(InvalidValue) in
                let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
                guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1],
                    first <= last, first >= 100, last <= 599
                else { throw InvalidValue("expected a status or a range of statuses from 100 to 599, such as 200-399") }
                return first...last
            }, write: { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" })
    }
}
