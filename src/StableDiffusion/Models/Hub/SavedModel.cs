namespace StableDiffusion.Models.Hub;

/// <summary>What a download left in the store.</summary>
/// <param name="Name">The name of its folder.</param>
/// <param name="Folder">The full path of its folder.</param>
/// <param name="Files">The paths of its files from the folder, with <c>/</c> between the parts.</param>
public sealed record SavedModel(string Name, string Folder, IReadOnlyList<string> Files)
{
    /// <summary>Whether it is a model that can be used as it is, and not a checkpoint that is to be imported.</summary>
    public bool IsModel => Files.Contains("model_index.json");
}
