// Owns what the demo shows its user: where everything is, and what to try.
internal import Glibc

/// The text of the demo.
struct DemoScreen {
    let text: String

    /// - Parameters:
    ///   - pids: of the backends, then of the proxies.
    ///   - own: the demo's own.
    init(_ world: DemoWorld, pids: [pid_t], own: pid_t = getpid()) {
        let isTerminal = isatty(STDOUT_FILENO) == 1
        func bold(_ text: String) -> String { isTerminal ? "\u{1B}[1m\(text)\u{1B}[0m" : text }
        var text = bold("Meridian demo: three datacenters, a proxy in each, one group") + "\n"
        var processes: [[String]] = []
        for (place, proxy) in world.proxies.enumerated() {
            let pid = pids[world.backends.count + place]
            let mine = world.backends.indices.filter { world.backends[$0].datacenter == proxy.datacenter }
            let list = mine.map { "\(world.backends[$0].name) (pid \(pids[$0]))" }
            text += "\n  " + bold(proxy.datacenter) + "  proxy (pid \(pid)), \(list.joined(separator: ", "))\n"
            text += "    http://\(proxy.web)   shop: all traffic to its primary, us-east at first\n"
            text += "    http://\(proxy.active)   everywhere: shared by weight among all three\n"
            text += "    \(proxy.admin)   admin API\n"
            processes.append((mine.map { pids[$0] } + [pid]).map(String.init))
        }
        text += "\n" + bold("Try, in another terminal:") + "\n\n"
        let lines = Self.commands(world, victims: processes[0], own: own)
        let width = lines.map(\.0.count).max() ?? 0
        for (command, purpose) in lines {
            text += "  \(command)\(String(repeating: " ", count: width - command.count))   # \(purpose)\n"
        }
        text += "\nCtrl-C ends all of it.\n"
        self.text = text
    }

    /// Commands and what they are for, in the order in which they tell a story.
    private static func commands(_ world: DemoWorld, victims: [String], own: pid_t) -> [(String, String)] {
        let (first, second) = (world.proxies[0], world.proxies[1])
        // As it was invoked, so that the lines can be pasted.
        let meridian = CommandLine.arguments[0]
        let admin = " --admin \(second.admin)"
        return [
            ("curl http://\(first.web)/", "a request through the proxy of us-east"),
            ("for i in 1 2 3 4 5 6; do curl -s http://\(second.active)/; done", "shared by all three"),
            ("\(meridian) weight set everywhere ap-south 5\(admin)", "most goes to ap-south now, at every proxy"),
            ("kill -9 \(victims.joined(separator: " "))", "the datacenter us-east dies, its proxy too"),
            ("\(meridian) status\(admin)", "a few seconds later: the primary has moved"),
            ("curl http://\(second.web)/", "and so has the traffic"),
            ("kill -USR1 \(own)", "start again what died: us-east comes back, and shop stays where it is"),
            ("\(meridian) primary set shop us-east\(admin)", "move it back by hand"),
        ]
    }
}
