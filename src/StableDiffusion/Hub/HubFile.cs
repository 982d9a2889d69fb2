namespace StableDiffusion.Hub;

/// <summary>A file of a repository as the hub lists it.</summary>
/// <param name="Path">Its path in the repository, with <c>/</c> as the separator.</param>
/// <param name="Length">Its length in bytes.</param>
/// <param name="Sha256">Its SHA-256 in lowercase hexadecimal digits; null for a small file that is stored in git itself.</param>
/// <param name="BlobId">Its SHA-1 in git, in lowercase hexadecimal digits; null for a large file.</param>
internal sealed record HubFile(string Path, long Length, string? Sha256 = null, string? BlobId = null)
{
    /// <summary>Whether the content can be verified.</summary>
    internal bool HasHash => Sha256 is not null || BlobId is not null;
}
