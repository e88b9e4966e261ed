// Invoices as lnd reads and writes them.
package main

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/chaincfg"
	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/lightningnetwork/lnd/lnwire"
	"github.com/lightningnetwork/lnd/zpay32"
)

type invoice struct {
	PaymentHash   string  `json:"paymentHash"`
	PaymentSecret *string `json:"paymentSecret"`
	AmountMsat    *string `json:"amountMsat"`
	Timestamp     int64   `json:"timestamp"`
	Expiry        int64   `json:"expirySeconds"`
	Delta         uint64  `json:"minFinalCltvExpiryDelta"`
	Description   *string `json:"description"`
	Payee         string  `json:"payee"`
	RouteHints    int     `json:"routeHints"`
	BlindedPaths  int     `json:"blindedPaths"`
}

// readInvoice reads as lnd does before it pays: unknown required features are refused.
func readInvoice(q question) (any, error) {
	read, err := zpay32.Decode(
		q.Invoice, &chaincfg.RegressionNetParams, zpay32.WithErrorOnUnknownFeatureBit(),
	)
	if err != nil {
		return nil, err
	}
	answer := invoice{
		PaymentHash:  hex.EncodeToString(read.PaymentHash[:]),
		Timestamp:    read.Timestamp.Unix(),
		Expiry:       int64(read.Expiry() / time.Second),
		Delta:        read.MinFinalCLTVExpiry(),
		Description:  read.Description,
		Payee:        hex.EncodeToString(read.Destination.SerializeCompressed()),
		RouteHints:   len(read.RouteHints),
		BlindedPaths: len(read.BlindedPaymentPaths),
	}
	if read.MilliSat != nil {
		text := strconv.FormatUint(uint64(*read.MilliSat), 10)
		answer.AmountMsat = &text
	}
	read.PaymentAddr.WhenSome(func(address [32]byte) {
		text := hex.EncodeToString(address[:])
		answer.PaymentSecret = &text
	})
	return answer, nil
}

// writeInvoice writes an invoice of the wanted numbers, signed with a key of its own.
func writeInvoice(q question) (any, error) {
	hash, err := hex.DecodeString(q.PaymentHash)
	if err != nil || len(hash) != 32 {
		return nil, fmt.Errorf("no payment hash: %q", q.PaymentHash)
	}
	features := lnwire.NewFeatureVector(
		lnwire.NewRawFeatureVector(lnwire.TLVOnionPayloadRequired, lnwire.PaymentAddrRequired),
		lnwire.Features,
	)
	options := []func(*zpay32.Invoice){
		zpay32.Description(q.Description),
		zpay32.Expiry(time.Duration(q.Expiry) * time.Second),
		zpay32.CLTVExpiry(q.Delta),
		zpay32.PaymentAddr([32]byte(hash)),
		zpay32.Features(features),
	}
	if q.AmountMsat != nil {
		options = append(options, zpay32.Amount(lnwire.MilliSatoshi(*q.AmountMsat)))
	}
	made, err := zpay32.NewInvoice(
		&chaincfg.RegressionNetParams, [32]byte(hash), time.Unix(q.Timestamp, 0), options...,
	)
	if err != nil {
		return nil, err
	}
	key, _ := btcec.PrivKeyFromBytes(hash)
	text, err := made.Encode(zpay32.MessageSigner{SignCompact: func(message []byte) ([]byte, error) {
		return ecdsa.SignCompact(key, chainhash.HashB(message), true), nil
	}})
	return map[string]string{"invoice": text}, err
}
