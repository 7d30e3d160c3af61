;; Stands in for the sBTC token, which pox-5 names and must find when epoch 4.0 begins.
;; Nobody has any.
(define-fungible-token sbtc-token)

(define-public (transfer
    (amount uint) (sender principal) (recipient principal) (memo (optional (buff 34))))
  (begin
    (asserts! (is-eq tx-sender sender) (err u4))
    (ft-transfer? sbtc-token amount sender recipient)))

(define-read-only (get-balance (who principal))
  (ok (ft-get-balance sbtc-token who)))
