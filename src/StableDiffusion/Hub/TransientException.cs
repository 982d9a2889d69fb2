namespace StableDiffusion.Hub;

/// <summary>A request that failed in a way that another attempt may not. Only used within this namespace.</summary>
/// <param name="what">What happened, as a clause: <c>the connection was interrupted</c>.</param>
/// <param name="statusCode">The HTTP status of the response, if there was one.</param>
/// <param name="retryAfter">The time that the hub requests to wait, if it does.</param>
/// <param name="innerException">The cause, if any.</param>
internal sealed class TransientException(string what, int? statusCode = null, TimeSpan? retryAfter = null, Exception? innerException = null)
    : Exception(what, innerException)
{
    public int? StatusCode { get; } = statusCode;

    public TimeSpan? RetryAfter { get; } = retryAfter;
}
