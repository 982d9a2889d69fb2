using System.Globalization;

namespace StableDiffusion.Hub;

/// <summary>
/// Limits the attempts at one thing, and the time between them: twice as long each time, randomly reduced, or as long as the hub
/// requests.
/// </summary>
/// <param name="settings">The settings for waiting.</param>
/// <param name="subject">The subject for the error: <c>'x.json' of 'owner/name'</c>.</param>
/// <param name="repository">The repository.</param>
/// <param name="waiting">Receives the reason for waiting; null when the waiting is over.</param>
internal sealed class RetryPolicy(HubSettings settings, string subject, string repository, Action<string?> waiting)
{
    public const int MaxAttempts = 6;

    private static readonly TimeSpan s_first = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_longestAsked = TimeSpan.FromMinutes(5);

    private int _failures;

    /// <summary>Resets the count of failures after progress.</summary>
    public void Reset() => _failures = 0;

    /// <summary>Waits before another attempt.</summary>
    /// <param name="failure">The failure of the last attempt.</param>
    /// <param name="cancellationToken">Cancels the waiting.</param>
    /// <exception cref="DownloadException">That was the last attempt.</exception>
    public async Task WaitAsync(TransientException failure, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        _failures++;
        TimeSpan wait = failure.RetryAfter ?? Backoff();
        if (_failures >= MaxAttempts || wait > s_longestAsked)
        {
            string again = wait > s_longestAsked
                ? string.Create(CultureInfo.CurrentCulture, $"The hub asks to wait {wait.TotalMinutes:N0} minutes; try again then.")
                : "Check the connection and try again.";
            throw new DownloadException(
                $"{subject} could not be downloaded: {failure.Message}. {again} What was downloaded so far is kept.", repository, failure.StatusCode, failure);
        }

        waiting(string.Create(CultureInfo.CurrentCulture, $"{failure.Message}; trying again in {Math.Ceiling(wait.TotalSeconds):N0} s"));
        await settings.Delay(wait, cancellationToken).ConfigureAwait(false);
        waiting(null);
    }

    private TimeSpan Backoff()
    {
        TimeSpan full = TimeSpan.FromTicks(Math.Min(s_longest.Ticks, s_first.Ticks << (_failures - 1)));
        return full * (0.5 + (settings.Jitter() / 2));
    }
}
