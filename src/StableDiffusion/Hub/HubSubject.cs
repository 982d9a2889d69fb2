using System.Net;

namespace StableDiffusion.Hub;

/// <summary>The subject of a request, which its errors name.</summary>
/// <param name="Repository">The repository at its revision.</param>
/// <param name="File">The file in the repository; null for the repository as a whole.</param>
internal sealed record HubSubject(HubRepository Repository, string? File = null)
{
    /// <summary>Creates an error about it.</summary>
    /// <param name="what">The rest of the sentence that starts with its name, and what to do.</param>
    /// <param name="status">The HTTP status of the response, if there was one.</param>
    /// <param name="cause">The cause, if any.</param>
    public DownloadException Error(string what, HttpStatusCode? status = null, Exception? cause = null) =>
        new($"{this} {what}", Repository.Id, (int?)status, cause);

    /// <inheritdoc/>
    public override string ToString() => File is null ? $"'{Repository.Id}'" : $"'{File}' of '{Repository.Id}'";
}
