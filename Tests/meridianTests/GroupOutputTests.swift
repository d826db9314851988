// Owns the proof of what the command line shows of the group: explanations, members, differences, moves.
import Admin
import ControlPlane
import Foundation
import Testing

@testable import meridian

@Suite struct GroupOutput {
    private func read<Value: Decodable>(_ type: Value.Type, _ text: String) throws -> Value {
        try decode(type, Array(text.utf8))
    }

    @Test func explanationsSayItAll() throws {
        let explanation = try read(
            FailoverReport.self,
            """
            {"service":"shop","leader":"n1","primary":"west","epoch":3,"state":"switching","target":"east","home":"south",
             "waits":[{"kind":"lease","text":"n2 has not stopped"}],
             "holds":[{"kind":"frozen","text":"automatic changes are frozen"}],
             "confirm":{"so_far_ms":1250,"needed_ms":5000},"heard":2,"voting":3,
             "datacenters":[
               {"name":"west","votes":{"a":"up","b":"down"},"healthy_percent":40,"primary":true,"lag_ms":300,"lag_age_ms":1900},
               {"name":"east","votes":{},"primary":false,"objection":{"kind":"target_unseen","text":"is not seen"}},
               {"name":"south","votes":{},"healthy_percent":100,"primary":false}],
             "observers":[{"id":"n1","datacenter":"west","voter":true,"heard_ms_ago":40,"counts":false},
                          {"id":"n2","datacenter":"east","voter":false,"counts":false}]}
            """)
        #expect(
            ExplanationText(explanation).lines == [
                "shop: primary west (epoch 3, switching to east), away from south, says the leader n1",
                "it stays, because", "  - automatic changes are frozen  [frozen]",
                "the switch waits, because", "  - n2 has not stopped  [lease]",
                "voted down for 1.2 s of 5.0 s that it takes", "datacenters (2 of 3 voting ones are heard)",
                "  west: 40 % healthy, votes: a up, b down, lag 0.3 s (1.9 s ago), primary",
                "  east: not seen, cannot take over: is not seen",
                "  south: 100 % healthy, can take over", "observers",
                "  n1 in west, voter, heard 0.0 s ago, does not count", "  n2 in east, observer, not heard",
            ])
    }

    @Test func withoutALeaderThereIsOnlyTheReason() throws {
        let explanation = try read(
            FailoverReport.self,
            """
            {"service":"shop","state":"stable","here":{"kind":"no_lease","text":"n1 refuses"},
             "holds":[{"kind":"no_leader","text":"nobody leads"}],"heard":0,"voting":0,
             "datacenters":[],"observers":[]}
            """)
        #expect(
            ExplanationText(explanation).lines == [
                "shop: no primary", "n1 refuses  [no_lease]", "it stays, because", "  - nobody leads  [no_leader]",
            ])
    }

    @Test func aServiceWithoutAPrimaryHasNoneThatStays() throws {
        let explanation = try read(
            FailoverReport.self,
            """
            {"service":"every","state":"stable","holds":[{"kind":"no_primary","text":"the service follows no primary"}],
             "heard":0,"voting":0,"datacenters":[],"observers":[]}
            """)
        #expect(
            ExplanationText(explanation).lines == [
                "every follows no primary: its traffic is shared by weight and health"
            ])
    }

    @Test func membersAreListed() throws {
        let cluster = try read(
            ClusterDocument.self,
            """
            {"node":"n1","leader":"n1","term":4,"quorum":true,"changing":true,"voters":2,"reachable_voters":2,"spare_voters":0,"members":[
              {"id":"n1","datacenter":"west","role":"voter","address":"10.0.0.1:7946","rank":0,
               "reachable":true,"applied":9,"incarnation":"a1","version":"0.1.0","admin":"https://n1"},
              {"id":"n2","datacenter":"east","role":"observer","rank":1,"reachable":false,
               "incarnation":"b2"}]}
            """)
        #expect(
            ClusterText(cluster).lines == [
                "leader n1, term 4, 2 voters, of which none may be lost, a change of members is under way",
                "  n1  west  leader  10.0.0.1:7946  reachable  log 9  version 0.1.0  https://n1",
                "  n2  east  observer  unreachable", "note: 2 voters survive no more losses than 1 would",
            ])
    }

    /// A voter that is lost already is not one that may be lost.
    @Test(
        arguments: [
            (3, 3, 1, "3 voters, of which 1 may be lost"),
            (3, 2, 0, "3 voters, 2 of them reachable, of which none may be lost"),
            (3, 1, 0, "3 voters, 1 of them reachable, which is no quorum"),
            (1, 1, 0, "1 voter, of which none may be lost"),
            (5, 4, 1, "5 voters, 4 of them reachable, of which 1 may be lost"),
        ])
    func votersThatMayBeLost(_ voters: Int, _ reachable: Int, _ spare: Int, _ words: String) throws {
        let cluster = try read(
            ClusterDocument.self,
            """
            {"node":"n1","leader":"n1","term":4,"quorum":true,"changing":false,"members":[],
             "voters":\(voters),"reachable_voters":\(reachable),"spare_voters":\(spare)}
            """)
        #expect(ClusterText(cluster).lines.first == "leader n1, term 4, \(words)")
    }

    @Test func differencesAreListed() throws {
        let status = try read(
            DifferenceDocument.self,
            """
            {"node":"n1","index":7,"agrees":false,"frozen":true,
             "freeze":{"frozen":true,"author":"ada","reason":"work","since_ms":0},"cluster":[{"key":"cluster.lease","file":"6s","group":"9s"}],
             "services":[{"name":"shop","drift":[{"key":"failover.confirm","file":"5s"}],
               "primary":{"key":"primary","file":"west","group":"east"},
               "overrides":[{"datacenter":"west","endpoint":"a:1","kind":"weight","now":"7","author":"admin","reason":"big",
                             "since_ms":0,"until_ms":3600000}]}]}
            """)
        #expect(
            DifferenceText(status).lines == [
                "shop", "  primary: file west, group east", "  failover.confirm: file 5s, group nothing",
                "  weight of west/a:1: file nothing, now 7, by admin since 1970-01-01 00:00:00Z "
                    + "until 1970-01-01 01:00:00Z: big",
                "cluster", "  cluster.lease: file 6s, group 9s",
                "automatic moves of primaries are frozen, by ada since 1970-01-01 00:00:00Z: work",
            ])
        let none = try read(
            DifferenceDocument.self, #"{"node":"n1","index":7,"agrees":true,"frozen":false,"cluster":[],"services":[]}"#
        )
        #expect(DifferenceText(none).lines == ["the file of n1 says all that the group holds"])
    }

    @Test func movesAreTold() throws {
        func sentence(_ state: String, _ isDry: Bool) throws -> String {
            try read(
                PrimaryAnswer.self,
                #"{"service":"shop","primary":"west","target":"east","epoch":2,"state":"\#(state)","dry_run":\#(isDry)}"#
            ).sentence
        }
        #expect(try sentence("stable", false) == "primary of shop is east, epoch 2")
        #expect(try sentence("stable", true) == "primary of shop would be east, epoch 2")
        #expect(try sentence("switching", false) == "primary of shop is going from west to east, epoch 2")
        #expect(try sentence("switching", true) == "primary of shop would go from west to east, epoch 2")
    }
}
