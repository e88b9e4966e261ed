// aperture's whole proxy: services, freebies, prices and the blocklist. Its lnd is the client that asked, which makes the invoices.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/lightninglabs/aperture/auth"
	"github.com/lightninglabs/aperture/l402"
	"github.com/lightninglabs/aperture/mint"
	"github.com/lightninglabs/aperture/pricesrpc"
	"github.com/lightninglabs/aperture/proxy"
	"github.com/lightningnetwork/lnd/lntypes"
	"google.golang.org/grpc"
)

// front is what aperture has behind its proxy.
type front struct {
	seller
	pricesrpc.UnimplementedPricesServer
	invoicesURL string
	prices      map[string]int64
	// Made when the proxy starts, as aperture 0.4.2 makes them.
	limits map[string][]l402.Caveat
}

// openFront starts the proxy, and answers with its address.
func openFront(q question) (any, error) {
	f := &front{
		seller:      seller{secrets: map[[32]byte][l402.SecretSize]byte{}},
		invoicesURL: q.Invoices,
		prices:      q.Prices,
		limits:      map[string][]l402.Caveat{},
	}
	start := time.Now().Add(-time.Duration(q.Age) * time.Second)
	for _, service := range q.Services {
		service.HostRegexp = ".*"
		service.Protocol = "http"
		f.limits[service.Name] = []l402.Caveat{
			l402.NewCapabilitiesCaveat(service.Name, service.Capabilities),
		}
		if service.Timeout > 0 {
			f.limits[service.Name] = append(f.limits[service.Name], l402.NewTimeoutCaveat(
				service.Name, service.Timeout, func() time.Time { return start },
			))
		}
	}
	if len(q.Prices) > 0 {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		server := grpc.NewServer()
		pricesrpc.RegisterPricesServer(server, f)
		go server.Serve(listener)
		for _, service := range q.Services {
			if service.DynamicPrice.Enabled {
				service.DynamicPrice.GRPCAddress = listener.Addr().String()
				service.DynamicPrice.Insecure = true
			}
		}
	}
	authenticator := auth.NewL402Authenticator(mint.New(&mint.Config{
		Secrets: f, Challenger: f, ServiceLimiter: f, Now: time.Now,
	}), f)
	handler, err := proxy.New(authenticator, q.Services, q.Blocklist)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go http.Serve(listener, handler)
	return map[string]string{"address": listener.Addr().String()}, nil
}

func (f *front) NewChallenge(sats int64) (string, lntypes.Hash, error) {
	answer, err := http.Get(fmt.Sprintf("%s/?sat=%d", f.invoicesURL, sats))
	if err != nil {
		return "", lntypes.Hash{}, err
	}
	defer answer.Body.Close()
	var made struct {
		Invoice     string `json:"invoice"`
		PaymentHash string `json:"paymentHash"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&made); err != nil {
		return "", lntypes.Hash{}, err
	}
	hash, err := lntypes.MakeHashFromStr(made.PaymentHash)
	return made.Invoice, hash, err
}

func (f *front) GetPrice(_ context.Context, asked *pricesrpc.GetPriceRequest) (*pricesrpc.GetPriceResponse, error) {
	return &pricesrpc.GetPriceResponse{PriceSats: f.prices[asked.Path]}, nil
}

// ServiceCapabilities gives all that aperture adds to a token of a service: none where prices are dynamic, because it finds them by name and price.
func (f *front) ServiceCapabilities(_ context.Context, services ...l402.Service) ([]l402.Caveat, error) {
	return f.limits[services[0].Name], nil
}

func (f *front) ServiceTimeouts(context.Context, ...l402.Service) ([]l402.Caveat, error) {
	return nil, nil
}
