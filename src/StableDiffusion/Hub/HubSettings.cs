using System.Globalization;
using System.Text;
using StableDiffusion.Storage;

namespace StableDiffusion.Hub;

/// <summary>The settings of a hub's client: address, token and timeout.</summary>
internal sealed class HubSettings
{
    private const string DefaultEndpoint = "https://huggingface.co";

    private const int MaxTokenFile = 4096;

    private static readonly TimeSpan s_defaultTimeout = TimeSpan.FromSeconds(10);

    /// <summary>The address of the hub, with https or http.</summary>
    public Uri Endpoint { get; init; } = new(DefaultEndpoint);

    /// <summary>
    /// The user's token; null for anonymous requests. It is sent to the hub itself only, and over http only within this machine.
    /// </summary>
    public string? Token { get; init; }

    /// <summary>Whether downloads are disabled.</summary>
    public bool IsOffline { get; init; }

    /// <summary>How long the hub may be silent before a request is repeated.</summary>
    public TimeSpan Timeout { get; init; } = s_defaultTimeout;

    /// <summary>The folders to download to; by default those of the environment.</summary>
    public StorageFolders Folders { get; init; } = StorageFolders.FromEnvironment();

    /// <summary>Measures how long the hub takes to send.</summary>
    internal TimeProvider Time { get; init; } = TimeProvider.System;

    internal Func<TimeSpan, CancellationToken, Task> Delay { get; init; } = Task.Delay;

    /// <summary>Returns a number from 0 to 1 that spreads the attempts of many clients.</summary>
    internal Func<double> Jitter { get; init; } = Random.Shared.NextDouble;

    /// <summary>Returns the number of free bytes on the disk of a folder; null if not known.</summary>
    internal Func<string, long?> FreeSpace { get; init; } = DiskSpace.Free;

    /// <summary>
    /// Reads the settings from the environment variables of the hub's own clients: <c>HF_ENDPOINT</c>, <c>HF_TOKEN</c> or the file
    /// of <c>HF_TOKEN_PATH</c> or <c>HF_HOME</c>, <c>HF_HUB_DISABLE_IMPLICIT_TOKEN</c>, <c>HF_HUB_OFFLINE</c> and
    /// <c>HF_HUB_DOWNLOAD_TIMEOUT</c>.
    /// </summary>
    /// <returns>The settings.</returns>
    /// <exception cref="InvalidSettingException">A variable has an invalid value.</exception>
    public static HubSettings FromEnvironment() => From(Environment.GetEnvironmentVariable);

    /// <summary>Reads the settings from an environment.</summary>
    /// <param name="variable">Returns the value of a variable.</param>
    internal static HubSettings From(Func<string, string?> variable) => new()
    {
        Endpoint = ReadEndpoint(variable("HF_ENDPOINT")),
        Token = IsTrue(variable("HF_HUB_DISABLE_IMPLICIT_TOKEN")) ? null : ReadToken(variable),
        IsOffline = IsTrue(NonEmpty(variable("HF_HUB_OFFLINE")) ?? variable("TRANSFORMERS_OFFLINE")),
        Timeout = ReadTimeout(variable("HF_HUB_DOWNLOAD_TIMEOUT")),
    };

    private static Uri ReadEndpoint(string? text)
    {
        if (NonEmpty(text) is not string address)
            return new Uri(DefaultEndpoint);

        // The value is not shown, since an address may contain a user name and password.
        return Uri.TryCreate(address, UriKind.Absolute, out Uri? endpoint)
            && (endpoint.Scheme == Uri.UriSchemeHttps || endpoint.Scheme == Uri.UriSchemeHttp)
            && endpoint.UserInfo.Length == 0 && endpoint.Query.Length == 0 && endpoint.Fragment.Length == 0
            ? endpoint
            : throw new InvalidSettingException("Endpoint", $"The environment variable HF_ENDPOINT is not the address of a hub. Give one such as {DefaultEndpoint}, without user and query, or remove the variable.");
    }

    private static string? ReadToken(Func<string, string?> variable)
    {
        string? token = NonEmpty(variable("HF_TOKEN")) ?? NonEmpty(variable("HUGGING_FACE_HUB_TOKEN")) ?? ReadTokenFile(variable);
        if (token is not null && !token.All(static letter => letter is > ' ' and <= '~'))
            throw new InvalidSettingException("Token", "The token of the hub (HF_TOKEN, or the file that HF_TOKEN_PATH names) contains invalid characters. Copy it again.");
        return token;
    }

    private static string? ReadTokenFile(Func<string, string?> variable)
    {
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile, Environment.SpecialFolderOption.DoNotVerify);
        string cache = NonEmpty(variable("XDG_CACHE_HOME")) ?? Path.Combine(home, ".cache");
        string hub = NonEmpty(variable("HF_HOME")) ?? Path.Combine(cache, "huggingface");
        string path = NonEmpty(variable("HF_TOKEN_PATH")) ?? Path.Combine(hub, "token");
        if (path == "~" || path.StartsWith("~/", StringComparison.Ordinal))
            path = home + path[1..];

        try
        {
            return NonEmpty(Encoding.UTF8.GetString(RegularFile.ReadAllBytes(path, MaxTokenFile)).TrimStart('\ufeff'));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Most users have none; a repository that needs one says so.
            return null;
        }
    }

    private static TimeSpan ReadTimeout(string? text)
    {
        if (NonEmpty(text) is not string seconds)
            return s_defaultTimeout;
        return double.TryParse(seconds, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && value is > 0 and <= 86400
            ? TimeSpan.FromSeconds(value)
            : throw new InvalidSettingException("Timeout", $"The environment variable HF_HUB_DOWNLOAD_TIMEOUT is '{seconds}', which is not a number of seconds up to 86400. Give one such as 10, or remove the variable.");
    }

    private static bool IsTrue(string? text) => NonEmpty(text)?.ToUpperInvariant() is "1" or "ON" or "YES" or "TRUE";

    private static string? NonEmpty(string? text) => string.IsNullOrWhiteSpace(text) ? null : text.Trim();
}
