// Owns the sections of a service's health: active checks and the ejection of outliers.
internal import Health

extension HealthCheckPolicy {
    static let section = Section<HealthCheckPolicy>(
        "health_check",
        "How endpoints are checked, each from every node. Without `http` a check connects and closes again.",
        initial: { _ in HealthCheckPolicy() },
        keys: [
            Key(
                "http", \.http, .section(HTTPCheck.section), absent: "",
                "Sends a request and judges the answer."),
            Key("tcp", \.tcp, .section(tcpSection), absent: "", "Only connects: the default."),
            Key("grpc", unavailable: "use http or tcp"),
            Key("interval", \.interval, .duration(.milliseconds(100) ... .seconds(3600)), "From check to check."),
            Key("timeout", \.timeout, .duration(.milliseconds(10) ... .seconds(300)), "The longest a check may take."),
            Key("fall", \.fall, .count(1...100), "Failures in a row that make an endpoint down."),
            Key("rise", \.rise, .count(1...100), "Successes in a row that make it up again."),
            Key("jitter", \.jitter, .share, "How much of the interval a check is moved at random."),
            Key(
                "port", optional: \.port, .port, absent: "the endpoint's",
                "The port to check, instead of the endpoint's."),
        ],
        check: { policy, fields, reading in
            if fields["http"] != nil, let key = fields.key("tcp") {
                reading.error(at: key, "'http' and 'tcp' exclude each other")
            }
            if policy.timeout > policy.interval, let node = fields["timeout"] ?? fields["interval"] {
                reading.warn(at: node, "the timeout of a check is longer than its interval: checks will be late")
            }
        })

    /// The request of an HTTP check; writing it chooses that kind.
    fileprivate var http: HTTPCheck {
        get {
            guard case .http(let check) = kind else { return HTTPCheck() }
            return check
        }
        set { kind = .http(newValue) }
    }

    /// A section without keys; writing it chooses the kind that connects only, unless there is a request.
    fileprivate var tcp: Nothing {
        get { Nothing() }
        set { if case .grpc = kind { kind = .tcp } }
    }

    fileprivate struct Nothing: Sendable {}

    private static let tcpSection = Section<Nothing>(
        "tcp", "Has no keys yet: `tcp: {}`.", initial: { _ in Nothing() }, keys: [])
}

extension HTTPCheck {
    fileprivate static let section = Section<HTTPCheck>(
        "http check", "The request of a check, and what counts as healthy.",
        initial: { _ in HTTPCheck() },
        keys: [
            Key("method", \.method, .token("method"), "Its method."),
            Key("path", \.path, .path, "Its path; a query may follow."),
            Key("host", optional: \.host, .text("host"), absent: "the address", "Its `Host`."),
            Key(
                "expect", \.expectedStatuses, .oneOrMore(of: .statuses, "statuses"),
                "The statuses that count as healthy."),
            Key(
                "body", optional: \.bodyContains, .text(), absent: "anything",
                "A text that the first 64 KiB of the body must contain."),
        ])
}

extension ValueSchema where Value == UInt16 {
    /// 1-65535.
    fileprivate static var port: ValueSchema {
        ValueSchema<Int>.count(1...65_535).mapped(as: "port", { UInt16(exactly: $0) }, back: { Int($0) })
    }
}

extension ValueSchema where Value == String {
    /// The path and query of a request to an endpoint.
    static var path: ValueSchema {
        .scalar(
            "path",
            parse: { text throws(InvalidValue) in
                guard text.hasPrefix("/"), text.utf8.count <= 1024, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
                else { throw InvalidValue("expected a path that begins with '/', percent-encoded") }
                return text
            }, write: { $0 })
    }
}

extension OutlierPolicy {
    fileprivate static let section = Section<OutlierPolicy>(
        "outlier", "When traffic itself takes an endpoint out for a while.",
        initial: { _ in OutlierPolicy() },
        keys: [
            Key("consecutive_errors", \.consecutiveErrors, .count(1...10_000), "Answers of 500-599 in a row."),
            Key(
                "ejection", \.baseEjection, .duration(.milliseconds(100) ... .seconds(86_400)),
                "How long the first ejection lasts; the n-th lasts n times as long."),
            Key(
                "max_ejection", \.maximumEjection, .duration(.milliseconds(100) ... .seconds(86_400)),
                "The longest ejection."),
            Key("max_ejected", \.maximumEjectedShare, .share, "The most of a datacenter's endpoints out at once."),
        ],
        check: { policy, fields, reading in
            if policy.maximumEjection < policy.baseEjection, let node = fields["max_ejection"] ?? fields["ejection"] {
                reading.error(at: node, "max_ejection is shorter than ejection")
            }
        })
}

extension ValueSchema where Value == OutlierPolicy {
    /// The section, or `off`, which is: none of the endpoints may ever be out.
    static var outlier: ValueSchema {
        ValueSchema<OutlierPolicy?>.offOr(.section(OutlierPolicy.section)).mapped(
            { policy in
                guard let policy else {
                    var never = OutlierPolicy()
                    never.maximumEjectedShare = 0
                    return never
                }
                return policy
            }, back: { $0 })
    }
}
