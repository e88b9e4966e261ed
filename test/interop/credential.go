// Credentials as aperture reads and writes them.
package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"

	"github.com/lightninglabs/aperture/l402"
	"github.com/lightninglabs/aperture/mint"
	"github.com/lightningnetwork/lnd/lntypes"
	"gopkg.in/macaroon.v2"
)

func decodeMacaroon(text string) (*macaroon.Macaroon, error) {
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil, err
	}
	mac := &macaroon.Macaroon{}
	return mac, mac.UnmarshalBinary(raw)
}

func encodeMacaroon(mac *macaroon.Macaroon) (string, error) {
	raw, err := mac.MarshalBinary()
	return hex.EncodeToString(raw), err
}

// fields is a header as Go's HTTP server has it: its names in canonical form.
func fields(from map[string][]string) *http.Header {
	header := http.Header{}
	for name, values := range from {
		for _, value := range values {
			header.Add(name, value)
		}
	}
	return &header
}

type credential struct {
	Macaroon    string   `json:"macaroon"`
	Preimage    string   `json:"preimage"`
	Location    string   `json:"location"`
	Version     uint16   `json:"version"`
	PaymentHash string   `json:"paymentHash"`
	TokenID     string   `json:"tokenId"`
	Caveats     []string `json:"caveats"`
}

func readHeader(q question) (any, error) {
	mac, preimage, err := l402.FromHeader(fields(q.Header))
	if err != nil {
		return nil, err
	}
	text, err := encodeMacaroon(mac)
	if err != nil {
		return nil, err
	}
	id, err := l402.DecodeIdentifier(bytes.NewReader(mac.Id()))
	if err != nil {
		return nil, err
	}
	caveats := []string{}
	for _, raw := range mac.Caveats() {
		caveat, err := l402.DecodeCaveat(string(raw.Id))
		if err != nil {
			return nil, err
		}
		caveats = append(caveats, l402.EncodeCaveat(caveat))
	}
	return credential{
		text, preimage.String(), mac.Location(), id.Version,
		id.PaymentHash.String(), id.TokenID.String(), caveats,
	}, nil
}

func writeHeader(q question) (any, error) {
	mac, err := decodeMacaroon(q.Macaroon)
	if err != nil {
		return nil, err
	}
	preimage, err := lntypes.MakePreimageFromStr(q.Preimage)
	if err != nil {
		return nil, err
	}
	header := http.Header{}
	err = l402.SetHeader(&header, mac, preimage)
	return map[string]http.Header{"header": header}, err
}

func narrow(q question) (any, error) {
	mac, err := decodeMacaroon(q.Macaroon)
	if err != nil {
		return nil, err
	}
	for _, text := range q.Caveats {
		caveat, err := l402.DecodeCaveat(text)
		if err != nil {
			return nil, err
		}
		if err := l402.AddFirstPartyCaveats(mac, caveat); err != nil {
			return nil, err
		}
	}
	text, err := encodeMacaroon(mac)
	return map[string]string{"macaroon": text}, err
}

// oneSecret is a mint's store with the root key of a single credential.
type oneSecret [l402.SecretSize]byte

func (s oneSecret) NewSecret(context.Context, [32]byte) ([l402.SecretSize]byte, error) {
	return s, nil
}

func (s oneSecret) GetSecret(context.Context, [32]byte) ([l402.SecretSize]byte, error) {
	return s, nil
}

func (s oneSecret) RevokeSecret(context.Context, [32]byte) error { return nil }

// verify is aperture's whole check: the preimage, the signature, the services and the timeout.
func verify(q question) (any, error) {
	mac, preimage, err := l402.FromHeader(fields(q.Header))
	if err != nil {
		return nil, err
	}
	rootKey, err := hex.DecodeString(q.RootKey)
	if err != nil || len(rootKey) != l402.SecretSize {
		return nil, fmt.Errorf("a root key is 32 bytes in hex")
	}
	minter := mint.New(&mint.Config{Secrets: oneSecret(rootKey), Now: time.Now})
	err = minter.VerifyL402(context.Background(), &mint.VerificationParams{
		Macaroon: mac, Preimage: preimage, TargetService: q.Service,
	})
	return map[string]bool{"ok": err == nil}, err
}
