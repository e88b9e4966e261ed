// aperture's authenticator, with its secrets in memory and the invoices of the client that asks.
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"time"

	"github.com/lightninglabs/aperture/auth"
	"github.com/lightninglabs/aperture/l402"
	"github.com/lightninglabs/aperture/mint"
	"github.com/lightningnetwork/lnd/lnrpc"
	"github.com/lightningnetwork/lnd/lntypes"
)

const priceSats = 10

type seller struct {
	authenticator *auth.L402Authenticator
	secrets       map[[32]byte][l402.SecretSize]byte
	// The invoice of the challenge that is being made.
	invoice     string
	paymentHash lntypes.Hash
}

func newSeller() *seller {
	s := &seller{secrets: map[[32]byte][l402.SecretSize]byte{}}
	s.authenticator = auth.NewL402Authenticator(mint.New(&mint.Config{
		Secrets: s, Challenger: s, ServiceLimiter: s, Now: time.Now,
	}), s)
	return s
}

func (s *seller) challenge(q question) (any, error) {
	hash, err := lntypes.MakeHashFromStr(q.PaymentHash)
	if err != nil {
		return nil, err
	}
	s.invoice, s.paymentHash = q.Invoice, hash
	header, err := s.authenticator.FreshChallengeHeader(q.Service, priceSats)
	return map[string]http.Header{"header": header}, err
}

func (s *seller) accept(q question) (any, error) {
	return map[string]bool{"ok": s.authenticator.Accept(fields(q.Header), q.Service)}, nil
}

func (s *seller) NewChallenge(int64) (string, lntypes.Hash, error) {
	return s.invoice, s.paymentHash, nil
}

func (s *seller) Stop() {}

// VerifyInvoiceStatus leaves the question to the preimage, which aperture has checked before it asks.
func (s *seller) VerifyInvoiceStatus(lntypes.Hash, lnrpc.Invoice_InvoiceState, time.Duration) error {
	return nil
}

func (s *seller) NewSecret(_ context.Context, id [32]byte) ([l402.SecretSize]byte, error) {
	var secret [l402.SecretSize]byte
	if _, err := rand.Read(secret[:]); err != nil {
		return secret, err
	}
	s.secrets[id] = secret
	return secret, nil
}

func (s *seller) GetSecret(_ context.Context, id [32]byte) ([l402.SecretSize]byte, error) {
	secret, ok := s.secrets[id]
	if !ok {
		return secret, mint.ErrSecretNotFound
	}
	return secret, nil
}

func (s *seller) RevokeSecret(_ context.Context, id [32]byte) error {
	delete(s.secrets, id)
	return nil
}

func (s *seller) ServiceCapabilities(_ context.Context, services ...l402.Service) ([]l402.Caveat, error) {
	return []l402.Caveat{l402.NewCapabilitiesCaveat(services[0].Name, "forecast,history")}, nil
}

func (s *seller) ServiceConstraints(context.Context, ...l402.Service) ([]l402.Caveat, error) {
	return nil, nil
}

func (s *seller) ServiceTimeouts(_ context.Context, services ...l402.Service) ([]l402.Caveat, error) {
	if len(services) != 1 {
		return nil, fmt.Errorf("one service is sold at a time")
	}
	now := time.Now
	// As aperture 0.4.2 does an hour after its start: it computes the end once.
	if services[0].Name == "ended" {
		now = func() time.Time { return time.Now().Add(-2 * time.Hour) }
	}
	return []l402.Caveat{l402.NewTimeoutCaveat(services[0].Name, 3600, now)}, nil
}
