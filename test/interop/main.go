// A peer for Sigil's tests: aperture's own l402, mint, auth and proxy packages, asked over stdin and stdout, one JSON object a line.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"github.com/lightninglabs/aperture/proxy"
)

type wire struct {
	lines *bufio.Scanner
	out   *json.Encoder
}

func (w *wire) read(into any) (bool, error) {
	if !w.lines.Scan() {
		return false, w.lines.Err()
	}
	return true, json.Unmarshal(w.lines.Bytes(), into)
}

type question struct {
	Do string `json:"do"`
	// What the verb needs; the others are empty.
	Header      map[string][]string `json:"header"`
	Macaroon    string              `json:"macaroon"`
	Preimage    string              `json:"preimage"`
	Caveats     []string            `json:"caveats"`
	RootKey     string              `json:"rootKey"`
	Service     string              `json:"service"`
	Invoice     string              `json:"invoice"`
	PaymentHash string              `json:"paymentHash"`
	URL         string              `json:"url"`
	Folder      string              `json:"folder"`
	Method      string              `json:"method"`
	Stream      bool                `json:"stream"`
	Body        string              `json:"body"`
	Services    []*proxy.Service    `json:"services"`
	Blocklist   []string            `json:"blocklist"`
	Invoices    string              `json:"invoices"`
	Prices      map[string]int64    `json:"prices"`
	Age         int64               `json:"ageSeconds"`
	Recipes     []recipe            `json:"recipes"`
	Packets     []string            `json:"packets"`
	Description string              `json:"description"`
	AmountMsat  *uint64             `json:"amountMsat"`
	Timestamp   int64               `json:"timestamp"`
	Expiry      int64               `json:"expirySeconds"`
	Delta       uint64              `json:"minFinalCltvExpiryDelta"`
}

func main() {
	w := &wire{lines: bufio.NewScanner(os.Stdin), out: json.NewEncoder(os.Stdout)}
	w.lines.Buffer(nil, 1<<22)
	seller := newSeller()
	for {
		var q question
		more, err := w.read(&q)
		if err != nil {
			fmt.Fprintln(os.Stderr, "unreadable question:", err)
			os.Exit(1)
		}
		if !more {
			return
		}
		answer, err := func() (any, error) {
			switch q.Do {
			case "read":
				return readHeader(q)
			case "write":
				return writeHeader(q)
			case "narrow":
				return narrow(q)
			case "verify":
				return verify(q)
			case "challenge":
				return seller.challenge(q)
			case "accept":
				return seller.accept(q)
			case "read invoice":
				return readInvoice(q)
			case "write invoice":
				return writeInvoice(q)
			case "buy":
				return buy(q, w)
			case "mint macaroons":
				return mintMacaroons(q)
			case "verify macaroons":
				return verifyMacaroons(q)
			case "front":
				return openFront(q)
			case "call":
				return call(q, w)
			default:
				return nil, fmt.Errorf("no such verb: %q", q.Do)
			}
		}()
		if err != nil {
			answer = map[string]string{"error": err.Error()}
		}
		if err := w.out.Encode(answer); err != nil {
			os.Exit(1)
		}
	}
}
