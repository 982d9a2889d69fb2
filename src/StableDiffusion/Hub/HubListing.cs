namespace StableDiffusion.Hub;

/// <summary>The contents of a repository at a commit.</summary>
/// <param name="Commit">The commit, in hexadecimal digits.</param>
/// <param name="Files">All its files.</param>
internal sealed record HubListing(string Commit, IReadOnlyList<HubFile> Files);
