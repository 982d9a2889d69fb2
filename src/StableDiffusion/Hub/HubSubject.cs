using System.Net;

namespace StableDiffusion.Hub;

/// <summary>What a request is about, so that its errors can name it.</summary>
/// <param name="Repository">The repository at its revision.</param>
/// <param name="File">The file of it; null for the repository as a whole.</param>
internal sealed record HubSubject(HubRepository Repository, string? File = null)
{
    /// <summary>An error about it.</summary>
    /// <param name="what">The rest of the sentence that begins with its name, and what to do.</param>
    /// <param name="status">What the hub answered, if it did.</param>
    /// <param name="cause">The cause, if any.</param>
    public DownloadException Error(string what, HttpStatusCode? status = null, Exception? cause = null) =>
        new($"{this} {what}", Repository.Id, (int?)status, cause);

    /// <inheritdoc/>
    public override string ToString() => File is null ? $"'{Repository.Id}'" : $"'{File}' of '{Repository.Id}'";
}
