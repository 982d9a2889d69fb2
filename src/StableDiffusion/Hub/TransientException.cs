namespace StableDiffusion.Hub;

/// <summary>A request that failed in a way that another attempt may not. It never leaves this room.</summary>
/// <param name="what">What happened, as a clause: <c>the connection broke off</c>.</param>
/// <param name="statusCode">The status that was answered, if any.</param>
/// <param name="retryAfter">How long the hub asks to wait, if it does.</param>
/// <param name="innerException">The cause, if any.</param>
internal sealed class TransientException(string what, int? statusCode = null, TimeSpan? retryAfter = null, Exception? innerException = null)
    : Exception(what, innerException)
{
    public int? StatusCode { get; } = statusCode;

    public TimeSpan? RetryAfter { get; } = retryAfter;
}
