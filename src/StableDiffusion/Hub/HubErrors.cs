using System.Globalization;
using System.Net;

namespace StableDiffusion.Hub;

/// <summary>Converts the hub's responses to errors, with what a user can do about them.</summary>
internal static class HubErrors
{
    private const string CodeHeader = "X-Error-Code";

    /// <summary>Returns the error for a response that is not a success.</summary>
    /// <param name="response">The response.</param>
    /// <param name="subject">The subject of the request.</param>
    /// <param name="settings">The settings of the client.</param>
    /// <param name="isHub">Whether the hub itself responded, not a store that it redirected to.</param>
    /// <returns>A <see cref="TransientException"/> or a <see cref="DownloadException"/>.</returns>
    public static Exception Of(HttpResponseMessage response, HubSubject subject, HubSettings settings, bool isHub)
    {
        HttpStatusCode status = response.StatusCode;
        if (IsTransient(status, isHub))
        {
            string what = status == HttpStatusCode.TooManyRequests
                ? "the hub received too many requests"
                : string.Create(CultureInfo.InvariantCulture, $"the hub answered with status {(int)status}");
            return new TransientException(what, (int)status, RetryAfter(response));
        }

        string id = subject.Repository.Id;
        string code = response.Headers.TryGetValues(CodeHeader, out IEnumerable<string>? codes) ? string.Concat(codes) : string.Empty;
        return (code, status) switch
        {
            ("GatedRepo", _) => subject.Error(
                $"requires consent. Accept the conditions on the page of '{id}' on the hub in a browser, then {TokenAdvice(settings)}.", status),
            ("RevisionNotFound", _) => subject.Error($"has no revision '{subject.Repository.Revision}'. Give a branch, a tag or a commit that the hub lists.", status),
            ("EntryNotFound", _) => subject.Error("was not found, although the hub listed it. Try again.", status),
            ("RepoNotFound", _) or (_, HttpStatusCode.Unauthorized) => subject.Error(
                $"is not available: the hub has no repository '{id}', or hides it from you. Check owner and name; if it is private, {TokenAdvice(settings)}.", status),
            (_, HttpStatusCode.Forbidden) => subject.Error($"is not accessible to you. Ask its owner, or {TokenAdvice(settings)}.", status),
            (_, HttpStatusCode.NotFound) => subject.Error("was not found. Check the name and the revision, and the hub in HF_ENDPOINT.", status),
            (_, HttpStatusCode.ProxyAuthenticationRequired) => subject.Error("could not be downloaded: the proxy requires authentication. Set the environment variable HTTPS_PROXY with user and password, or ask the administrators of the proxy.", status),
            _ => subject.Error(string.Create(CultureInfo.InvariantCulture, $"could not be downloaded: the hub answered with status {(int)status}. Check HF_ENDPOINT, or try again later."), status),
        };
    }

    /// <summary>Returns the error for a hub that does not respond.</summary>
    public static TransientException Silence(TimeSpan limit, Exception cause) =>
        new(string.Create(CultureInfo.CurrentCulture, $"the hub did not respond for {limit.TotalSeconds:0.#} s"), innerException: cause);

    private static bool IsTransient(HttpStatusCode status, bool isHub) => status switch
    {
        HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests => true,
        HttpStatusCode.InternalServerError or HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout => true,
        // The hub redirects to addresses of a store that are valid for some minutes; the next attempt gets a new one.
        HttpStatusCode.Forbidden => !isHub,
        _ => false,
    };

    private static TimeSpan? RetryAfter(HttpResponseMessage response)
    {
        if (response.Headers.RetryAfter is not { } header)
            return null;

        TimeSpan? wait = header.Delta ?? header.Date - (response.Headers.Date ?? DateTimeOffset.UtcNow);
        return wait < TimeSpan.Zero ? TimeSpan.Zero : wait;
    }

    private static string TokenAdvice(HubSettings settings)
    {
        if (settings.Token is null)
            return "set the environment variable HF_TOKEN to a token of your account";
        return settings.Endpoint.Scheme == Uri.UriSchemeHttps || settings.Endpoint.IsLoopback
            ? "make sure that the token in HF_TOKEN is valid and may read it"
            : "use https in HF_ENDPOINT, since a token is not sent over http";
    }
}
