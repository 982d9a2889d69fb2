using System.Net;
using System.Net.Http.Headers;
using System.Reflection;
using System.Security.Authentication;

namespace StableDiffusion.Hub;

/// <summary>
/// Sends requests to a hub. Redirections are followed here and not by the handler, so that the token is sent to the hub and
/// nowhere else. Returns successful responses; throws a <see cref="TransientException"/> if another attempt may succeed, and a
/// <see cref="DownloadException"/> otherwise.
/// </summary>
internal sealed class HubClient : IDisposable
{
    private const int MaxRedirects = 10;

    private static readonly ProductInfoHeaderValue s_userAgent = new("StableDiffusion-PowerShell", Version());

    private readonly HubSettings _settings;
    private readonly HttpClient _http;

    /// <summary>Creates a client for a hub.</summary>
    /// <param name="settings">The settings, with the address and the token.</param>
    public HubClient(HubSettings settings)
    {
        _settings = settings;
        SocketsHttpHandler handler = new()
        {
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            ConnectTimeout = settings.Timeout,
            UseCookies = false,
            // The system's proxy, with the user's own account if it requires one; not for this machine itself.
            UseProxy = !settings.Endpoint.IsLoopback,
            DefaultProxyCredentials = CredentialCache.DefaultCredentials,
        };
        _http = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <summary>How long the hub may be silent.</summary>
    public TimeSpan SilenceLimit => _settings.Timeout;

    /// <summary>Builds an address on the hub.</summary>
    /// <param name="parts">The parts of the path; each is escaped.</param>
    public Uri Address(params ReadOnlySpan<string> parts)
    {
        string address = _settings.Endpoint.AbsoluteUri.TrimEnd('/');
        foreach (string part in parts)
            address += "/" + Uri.EscapeDataString(part);
        return new Uri(address);
    }

    /// <summary>Whether an address belongs to the hub itself.</summary>
    public bool IsHub(Uri address) =>
        Uri.Compare(address, _settings.Endpoint, UriComponents.SchemeAndServer, UriFormat.Unescaped, StringComparison.OrdinalIgnoreCase) == 0;

    /// <summary>Whether requests to an address carry the token: only to the hub itself, and only if no one can read it on the way.</summary>
    public bool SendsTokenTo(Uri address) =>
        _settings.Token is not null && IsHub(address) && (address.Scheme == Uri.UriSchemeHttps || address.IsLoopback);

    /// <summary>Sends a request, and follows redirections.</summary>
    /// <param name="address">The address.</param>
    /// <param name="subject">The subject of the request, for errors.</param>
    /// <param name="prepare">Adds headers to each request; null for none.</param>
    /// <param name="cancellationToken">Cancels the request.</param>
    /// <returns>The response, of which only the headers are read: a success or, with headers of its own, a range that is not available.</returns>
    public async Task<HttpResponseMessage> GetAsync(Uri address, HubSubject subject, Action<HttpRequestHeaders>? prepare, CancellationToken cancellationToken)
    {
        for (int redirects = 0; redirects <= MaxRedirects; redirects++)
        {
            HttpResponseMessage response = await SendAsync(address, subject, prepare, cancellationToken).ConfigureAwait(false);
            if (response.IsSuccessStatusCode || (prepare is not null && response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable))
                return response;

            using (response)
            {
                if (response.StatusCode is not (HttpStatusCode.MovedPermanently or HttpStatusCode.Found or HttpStatusCode.SeeOther or HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect)
                    || response.Headers.Location is not Uri location)
                    throw HubErrors.Of(response, subject, _settings, IsHub(address));

                if (!Uri.TryCreate(address, location, out Uri? next) || !IsSafe(next, address))
                    throw subject.Error("cannot be downloaded: the hub redirected to an insecure connection. Ask the administrators of the hub.", response.StatusCode);
                address = next;
            }
        }

        throw subject.Error($"could not be downloaded: the hub redirected more than {MaxRedirects} times. Check HF_ENDPOINT.");
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    /// <summary>Whether a redirection is followed: to https or, from http, to the hub itself or from one place of this machine to another.</summary>
    /// <param name="next">The address that it leads to.</param>
    /// <param name="from">The address that it comes from.</param>
    internal bool IsSafe(Uri next, Uri from) => next.Scheme == Uri.UriSchemeHttps
        || (next.Scheme == Uri.UriSchemeHttp && from.Scheme == Uri.UriSchemeHttp && (IsHub(next) || (next.IsLoopback && _settings.Endpoint.IsLoopback)));

    private async Task<HttpResponseMessage> SendAsync(Uri address, HubSubject subject, Action<HttpRequestHeaders>? prepare, CancellationToken cancellationToken)
    {
        using HttpRequestMessage request = new(HttpMethod.Get, address);
        request.Headers.UserAgent.Add(s_userAgent);
        // A compressed body could not be resumed in the middle.
        request.Headers.AcceptEncoding.Add(new StringWithQualityHeaderValue("identity"));
        if (SendsTokenTo(address))
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", _settings.Token);
        prepare?.Invoke(request.Headers);

        using CancellationTokenSource silence = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        silence.CancelAfter(_settings.Timeout);
        try
        {
            return await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, silence.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException error) when (!cancellationToken.IsCancellationRequested)
        {
            throw HubErrors.Silence(_settings.Timeout, error);
        }
        catch (HttpRequestException error) when (error.InnerException is AuthenticationException)
        {
            throw subject.Error($"could not be downloaded: the connection is not secure, {Sentence.Of(error.InnerException)} Make sure that this machine trusts the certificate of the hub, or of the proxy.", cause: error);
        }
        catch (HttpRequestException error) when (error.HttpRequestError == HttpRequestError.ProxyTunnelError)
        {
            throw subject.Error($"could not be downloaded: the proxy refused the connection. {Sentence.Of(error)}", cause: error);
        }
        catch (HttpRequestException error) when (error.HttpRequestError == HttpRequestError.ConfigurationLimitExceeded)
        {
            throw subject.Error("could not be downloaded: the hub answered with more headers than are permitted. Check HF_ENDPOINT.", cause: error);
        }
        catch (HttpRequestException error) when (error.HttpRequestError == HttpRequestError.InvalidResponse)
        {
            throw subject.Error("could not be downloaded: the answer is not one of HTTP. Check HF_ENDPOINT and, if there is one, the proxy.", cause: error);
        }
        catch (HttpRequestException error) when (error.HttpRequestError == HttpRequestError.ResponseEnded)
        {
            throw new TransientException("the hub ended the connection without an answer", innerException: error);
        }
        catch (HttpRequestException error)
        {
            throw new TransientException($"there is no connection to the hub ({error.Message})", innerException: error);
        }
    }

    private static string Version()
    {
        string version = typeof(HubClient).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0";
        int build = version.IndexOf('+', StringComparison.Ordinal);
        return build < 0 ? version : version[..build];
    }
}
