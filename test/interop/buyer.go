// aperture's client interceptor, before plain HTTP and before gRPC: it reads the challenge, has it paid, keeps the token, and presents it.
package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/btcsuite/btcd/btcutil"
	"github.com/btcsuite/btcd/chaincfg"
	"github.com/lightninglabs/aperture/l402"
	"github.com/lightninglabs/lndclient"
	"github.com/lightningnetwork/lnd/lntypes"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// payer is lnd as the interceptor uses it. Who asked does the paying.
type payer struct {
	lndclient.LightningClient
	wire *wire
}

func (p payer) PayInvoice(_ context.Context, invoice string, maxFee btcutil.Amount, _ *uint64) chan lndclient.PaymentResult {
	done := make(chan lndclient.PaymentResult, 1)
	done <- func() (result lndclient.PaymentResult) {
		if result.Err = p.wire.out.Encode(map[string]any{"pay": invoice, "maxFeeSat": int64(maxFee)}); result.Err != nil {
			return
		}
		var paid struct {
			Preimage string `json:"preimage"`
		}
		var more bool
		if more, result.Err = p.wire.read(&paid); result.Err != nil || !more {
			result.Err = errors.Join(result.Err, errors.New("nobody paid"))
			return
		}
		result.Preimage, result.Err = lntypes.MakePreimageFromStr(paid.Preimage)
		return
	}()
	return done
}

const (
	maxCostSats   = 1000
	maxFeeSats    = 10
	timeout       = 20 * time.Second
	maxBodyLength = 1 << 16
)

type bought struct {
	Status int    `json:"status"`
	Body   string `json:"body"`
	// What each request presented, in order.
	Sent []map[string]string `json:"sent"`
}

func interceptorOf(q question, w *wire) (*l402.ClientInterceptor, error) {
	store, err := l402.NewFileStore(q.Folder)
	if err != nil {
		return nil, err
	}
	lnd := &lndclient.LndServices{Client: payer{wire: w}, ChainParams: &chaincfg.RegressionNetParams}
	return l402.NewInterceptor(lnd, store, timeout, maxCostSats, maxFeeSats, true), nil
}

type called struct {
	Messages []string `json:"messages"`
	// Of the call's end, in gRPC's terms.
	Code    string `json:"code"`
	Message string `json:"message"`
}

// call makes a gRPC call, unary or with a stream of answers, on a connection of its own.
func call(q question, w *wire) (any, error) {
	interceptor, err := interceptorOf(q, w)
	if err != nil {
		return nil, err
	}
	connection, err := grpc.Dial(q.URL,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithUnaryInterceptor(interceptor.UnaryInterceptor),
		grpc.WithStreamInterceptor(interceptor.StreamInterceptor),
	)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	answer := called{Messages: []string{}}
	receive := func() error {
		message := &wrapperspb.StringValue{}
		if !q.Stream {
			err := connection.Invoke(ctx, q.Method, wrapperspb.String("tokyo"), message)
			if err == nil {
				answer.Messages = append(answer.Messages, message.Value)
			}
			return err
		}
		stream, err := connection.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, q.Method)
		if err != nil {
			return err
		}
		if err = stream.SendMsg(wrapperspb.String("tokyo")); err == nil {
			err = stream.CloseSend()
		}
		for err == nil {
			if err = stream.RecvMsg(message); err == nil {
				answer.Messages = append(answer.Messages, message.Value)
			}
		}
		if err == io.EOF {
			return nil
		}
		return err
	}
	end := status.Convert(receive())
	answer.Code, answer.Message = end.Code().String(), end.Message()
	return answer, nil
}

func buy(q question, w *wire) (any, error) {
	interceptor, err := interceptorOf(q, w)
	if err != nil {
		return nil, err
	}
	answer := bought{Sent: []map[string]string{}}
	invoke := func(ctx context.Context, url string, _, _ any, _ *grpc.ClientConn, options ...grpc.CallOption) error {
		return answer.ask(ctx, url, q.Body, options)
	}
	err = interceptor.UnaryInterceptor(context.Background(), q.URL, nil, nil, nil, invoke)
	return answer, err
}

// ask sends what gRPC would send for these options, and says of the answer what gRPC would say. A body is posted as JSON.
func (b *bought) ask(ctx context.Context, url, posted string, options []grpc.CallOption) error {
	method := http.MethodGet
	if posted != "" {
		method = http.MethodPost
	}
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(posted))
	if err != nil {
		return err
	}
	sent := map[string]string{}
	var trailer *metadata.MD
	for _, option := range options {
		switch option := option.(type) {
		case grpc.TrailerCallOption:
			trailer = option.TrailerAddr
		case grpc.PerRPCCredsCallOption:
			if sent, err = option.Creds.GetRequestMetadata(ctx); err != nil {
				return err
			}
		}
	}
	b.Sent = append(b.Sent, sent)
	for name, value := range sent {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBodyLength))
	if err != nil {
		return err
	}
	b.Status, b.Body = response.StatusCode, string(body)
	if response.StatusCode != http.StatusPaymentRequired {
		return nil
	}
	*trailer = metadata.MD{}
	trailer.Append(l402.AuthHeader, response.Header.Values(l402.AuthHeader)...)
	return status.Error(l402.GRPCErrCode, l402.GRPCErrMessage)
}
