using System.Globalization;
using System.Net;

namespace StableDiffusion.Hub;

/// <summary>What the hub's answers mean, and what a user can do about them.</summary>
internal static class HubErrors
{
    private const string CodeHeader = "X-Error-Code";

    /// <summary>The error of an answer that is no success.</summary>
    /// <param name="response">The answer.</param>
    /// <param name="subject">What was asked for.</param>
    /// <param name="settings">Who asked.</param>
    /// <param name="isHub">Whether the hub itself answered, and not a store that it sent to.</param>
    /// <returns>A <see cref="TransientException"/> or a <see cref="DownloadException"/>.</returns>
    public static Exception Of(HttpResponseMessage response, HubSubject subject, HubSettings settings, bool isHub)
    {
        HttpStatusCode status = response.StatusCode;
        if (IsTransient(status, isHub))
        {
            string what = status == HttpStatusCode.TooManyRequests
                ? "the hub has had too many requests"
                : string.Create(CultureInfo.InvariantCulture, $"the hub answered with status {(int)status}");
            return new TransientException(what, (int)status, RetryAfter(response));
        }

        string id = subject.Repository.Id;
        string code = response.Headers.TryGetValues(CodeHeader, out IEnumerable<string>? codes) ? string.Concat(codes) : string.Empty;
        return (code, status) switch
        {
            ("GatedRepo", _) => subject.Error(
                $"is behind a gate. Accept the conditions on the page of '{id}' on the hub in a browser, then {TokenAdvice(settings)}.", status),
            ("RevisionNotFound", _) => subject.Error($"has no revision '{subject.Repository.Revision}'. Give a branch, a tag or a commit that the hub lists.", status),
            ("EntryNotFound", _) => subject.Error("is not there, although the hub listed it. Run the command again.", status),
            ("RepoNotFound", _) or (_, HttpStatusCode.Unauthorized) => subject.Error(
                $"cannot be had: the hub has no repository '{id}', or hides it from you. Check owner and name; if it is a private one, {TokenAdvice(settings)}.", status),
            (_, HttpStatusCode.Forbidden) => subject.Error($"may not be read by you. Ask its owner, or {TokenAdvice(settings)}.", status),
            (_, HttpStatusCode.NotFound) => subject.Error("is not there. Check the name and the revision, and the hub that HF_ENDPOINT names.", status),
            (_, HttpStatusCode.ProxyAuthenticationRequired) => subject.Error("could not be fetched: the proxy wants to know who you are. Put the user and the password into the variable HTTPS_PROXY, or ask those who run the proxy.", status),
            _ => subject.Error(string.Create(CultureInfo.InvariantCulture, $"could not be fetched: the hub answered with status {(int)status}. Check HF_ENDPOINT, or try again later."), status),
        };
    }

    /// <summary>The error of a hub that says nothing.</summary>
    public static TransientException Silence(TimeSpan limit, Exception cause) =>
        new(string.Create(CultureInfo.CurrentCulture, $"the hub said nothing for {limit.TotalSeconds:0.#} s"), innerException: cause);

    private static bool IsTransient(HttpStatusCode status, bool isHub) => status switch
    {
        HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests => true,
        HttpStatusCode.InternalServerError or HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout => true,
        // The hub sends to a store by addresses that are good for some minutes; the next attempt gets a new one.
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
            ? "see to it that the token in HF_TOKEN is valid and may read it"
            : "name the hub by https in HF_ENDPOINT, since a token is not sent over http";
    }
}
