using System.Globalization;

namespace StableDiffusion.Hub;

/// <summary>
/// How often one thing is tried, and how long is waited between: twice as long each time, at random somewhat less, or
/// as long as the hub asks.
/// </summary>
/// <param name="settings">How to wait.</param>
/// <param name="subject">What is tried, for the error: <c>'x.json' of 'owner/name'</c>.</param>
/// <param name="repository">The repository.</param>
/// <param name="waiting">Is told what is waited for; null when the waiting is over.</param>
internal sealed class RetryPolicy(HubSettings settings, string subject, string repository, Action<string?> waiting)
{
    public const int MaxAttempts = 6;

    private static readonly TimeSpan s_first = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_longestAsked = TimeSpan.FromMinutes(5);

    private int _failures;

    /// <summary>Notes that it went on well, so that later failures are counted anew.</summary>
    public void Reset() => _failures = 0;

    /// <summary>Waits before another attempt.</summary>
    /// <param name="failure">How the last one failed.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <exception cref="DownloadException">That was the last attempt.</exception>
    public async Task WaitAsync(TransientException failure, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        _failures++;
        TimeSpan wait = failure.RetryAfter ?? Backoff();
        if (_failures >= MaxAttempts || wait > s_longestAsked)
        {
            string again = wait > s_longestAsked
                ? string.Create(CultureInfo.CurrentCulture, $"The hub asks to wait {wait.TotalMinutes:N0} minutes; run the command again then.")
                : "Check the connection and run the command again.";
            throw new DownloadException(
                $"{subject} could not be fetched: {failure.Message}. {again} What was fetched already is kept.", repository, failure.StatusCode, failure);
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
