;; A signer's manager for pox-5: it lets everybody stake with the signer.
(impl-trait 'ST000000000000000000002AMW42H.pox-5.signer-manager-trait)
(use-trait manager 'ST000000000000000000002AMW42H.pox-5.signer-manager-trait)

(define-public (validate-stake!
    (staker principal) (first uint) (count uint) (ustx uint) (sats uint) (is-bond bool)
    (calldata (optional (buff 500))))
  (ok true))

;; Shows the signer's leave and registers this contract. `self` has to be this contract.
(define-public (enrol (self <manager>) (key (buff 33)) (auth-id uint) (leave (buff 65)))
  (as-contract? ()
    (try! (contract-call? 'ST000000000000000000002AMW42H.pox-5 grant-signer-key
      key current-contract auth-id leave))
    (try! (contract-call? 'ST000000000000000000002AMW42H.pox-5 register-signer self key))))
