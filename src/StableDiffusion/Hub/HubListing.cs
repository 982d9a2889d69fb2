namespace StableDiffusion.Hub;

/// <summary>What a repository holds at one commit.</summary>
/// <param name="Commit">The commit, in hexadecimal digits.</param>
/// <param name="Files">All its files.</param>
internal sealed record HubListing(string Commit, IReadOnlyList<HubFile> Files);
