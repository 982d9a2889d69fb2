namespace StableDiffusion.Library;

/// <summary>What a download left in the store.</summary>
/// <param name="Name">The name of the model, or of the folder of files.</param>
/// <param name="Folder">The full path of its folder.</param>
/// <param name="Files">The paths of the files that were fetched and lie in the folder, with <c>/</c> between the parts; none of an imported checkpoint.</param>
public sealed record SavedModel(string Name, string Folder, IReadOnlyList<string> Files)
{
    /// <summary>Whether it is a model that can be used by its name, and not files of another use.</summary>
    public bool IsModel => Files.Count == 0 || Files.Contains("model_index.json");

    /// <summary>Whether it was here already, and nothing was fetched.</summary>
    public bool WasThere { get; init; }

    /// <summary>What the import of a checkpoint did; null where nothing had to be imported.</summary>
    public ModelImport? Import { get; init; }

    /// <summary>Why a fetched checkpoint could not be imported and stays a file; null where it is none, or was imported.</summary>
    public string? Remark { get; init; }
}
