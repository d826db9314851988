// Owns `meridian simulate`: runs simulated groups by seed, and replays one that failed.
internal import ArgumentParser
internal import Simulation

/// Runs groups of simulated nodes, and says which seed broke something and how to replay it.
struct SimulateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract:
            "Run simulated groups through faults, each wholly made from a seed, and check that all that must hold holds."
    )

    @Option(name: .long, help: "The first seed.")
    var seed: UInt64 = 1

    @Option(name: .long, help: "How many seeds to run, one after another.")
    var seeds: UInt64 = 1

    @Flag(name: .long, help: "Print what happened; of a run of several seeds only what led to the failure.")
    var trace = false

    func validate() throws {
        guard seeds > 0, seeds <= UInt64.max - seed else { throw ValidationError("--seeds is out of its range.") }
    }

    func run() throws {
        let clock = ContinuousClock()
        let begin = clock.now
        var told = begin
        var total = SimulationCounts()
        for seed in seed..<(seed + seeds) {
            let outcome = Simulation.run(seed: seed, traceLines: trace && seeds == 1 ? .max : 0)
            outcome.trace.forEach { print($0) }
            total.add(outcome.counts)
            if let failure = outcome.failure { throw report(failure, of: seed) }
            if clock.now - told > .seconds(2) {
                told = clock.now
                standardError("\(seed - self.seed + 1) of \(seeds) seeds hold, \(Self.text(total, in: told - begin))")
            }
        }
        let range = seeds == 1 ? "Seed \(seed) holds" : "Seeds \(seed)-\(seed + seeds - 1) hold"
        print("\(range): \(Self.text(total, in: clock.now - begin))")
    }

    /// The failure and how to replay it; with a trace of many seeds also its last lines.
    private func report(_ failure: String, of seed: UInt64) -> Failure {
        if trace, seeds > 1 { Simulation.run(seed: seed, traceLines: 200).trace.forEach { print($0) } }
        return Failure("seed \(seed) failed \(failure)\nreplay: meridian simulate --seed \(seed) --trace")
    }

    private static func text(_ counts: SimulationCounts, in time: Duration) -> String {
        let seconds = counts.virtual.components.seconds
        let milliseconds = max(1, time / .milliseconds(1))
        return
            "\(counts.steps) steps in \(seconds) virtual seconds (\(Int(Double(counts.steps) / milliseconds)) a millisecond), "
            + "\(counts.faults) faults, \(counts.crashes) crashes, \(counts.leaderships) elections, "
            + "\(counts.operations) operations, settled within \(counts.settling)"
    }
}
