// Owns sampling replication lag: every two seconds from the endpoints of one datacenter, and which answer counts.
internal import HTTPTransport
internal import Proactor
internal import Topology

/// Samples the lag of services on one loop. Belongs to that loop's thread.
///
/// A datacenter's lag is the greatest that any of its endpoints reports. Endpoints that do not answer, or answer
/// something else, do not count. If none answers, there is no sample and the last one grows old.
final class LagSampler: TimerHandler {
    static let period = Duration.seconds(2)
    /// The most endpoints that are asked, in the order of the settings.
    static let mostEndpoints = 16
    private static let timeout = Duration.seconds(1)

    /// One round of questions about one service.
    private final class Round {
        var open: Int
        var greatest: Duration?
        init(_ open: Int) { self.open = open }
    }

    private let loop: EventLoop
    private let client: HTTPClient
    private let report: (ServiceName, Duration) -> Void
    private var targets: [LagTarget] = []
    private var timer: LoopTimer?

    init(_ loop: EventLoop, report: @escaping (ServiceName, Duration) -> Void) {
        self.loop = loop
        client = HTTPClient(loop: loop)
        self.report = report
    }

    /// Samples these from now on, and no others.
    func update(_ targets: [LagTarget]) {
        self.targets = targets
        guard !targets.isEmpty else {
            timer?.cancel()
            return
        }
        let timer = timer ?? loop.makeTimer(self)
        self.timer = timer
        timer.set(loop.now)
    }

    func timerExpired(_ timer: LoopTimer) {
        timer.set(loop.now + Self.period)
        for target in targets { ask(target) }
    }

    private func ask(_ target: LagTarget) {
        let endpoints = target.endpoints.prefix(Self.mostEndpoints)
        let round = Round(endpoints.count)
        let parts = target.path.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        for endpoint in endpoints {
            let request = HTTPRequest(
                method: "GET", path: parts[0].isEmpty ? "/" : String(parts[0]),
                query: parts.count > 1 ? String(parts[1]) : "",
                fields: [("User-Agent", "meridian-check"), ("Accept", "text/plain")], authority: endpoint.authority)
            client.send(request, to: endpoint.address, timeout: Self.timeout, bodyLimit: 1 << 10) { [weak self] in
                self?.take($0, of: target, round)
            }
        }
    }

    private func take(_ answer: Result<HTTPResponse, HTTPFailure>, of target: LagTarget, _ round: Round) {
        round.open -= 1
        if case .success(let response) = answer, response.status == 200, let lag = LagText.read(response.body) {
            round.greatest = max(round.greatest ?? lag, lag)
        }
        // The answer is from before the settings changed, and may belong to another path.
        guard round.open == 0, let lag = round.greatest, targets.contains(target) else { return }
        report(target.service, lag)
    }
}
