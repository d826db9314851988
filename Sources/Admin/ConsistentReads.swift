// Owns reads that must see everything that was acknowledged before them: `?consistent=true`.
internal import ControlPlane
internal import HTTPTransport
internal import Proactor

extension AdminCall {
    /// Runs `body` once this node's state has everything that the group had acknowledged (ReadIndex). Answers 503 if
    /// that cannot be known.
    func whenCurrent(_ body: @escaping () -> Void) {
        let control = context.control
        let reply = LoopBound((call: self, body: body), of: context.loop)
        let isAccepted = control.confirmRead { answer in
            reply.post { bound in
                switch answer {
                case .readable: bound.body()
                case .unavailable(let reason, _): bound.call.respond(.problem(503, "\(reason): no consistent read"))
                default: bound.call.respond(.problem(503, "no consistent read now"))
                }
            }
        }
        if !isAccepted { respond(.problem(503, "the control plane is overloaded")) }
    }
}
