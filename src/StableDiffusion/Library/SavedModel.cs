namespace StableDiffusion.Library;

/// <summary>The result of a download.</summary>
/// <param name="Name">The name of the model, or of the folder of files.</param>
/// <param name="Folder">The full path of its folder.</param>
/// <param name="Files">The paths of the downloaded files in the folder, with <c>/</c> as the separator; none for an imported checkpoint.</param>
public sealed record SavedModel(string Name, string Folder, IReadOnlyList<string> Files)
{
    /// <summary>Whether it is a model that can be used by its name, and not files for another use.</summary>
    public bool IsModel => Files.Count == 0 || Files.Contains("model_index.json");

    /// <summary>Whether it was already in the store, and nothing was downloaded.</summary>
    public bool WasThere { get; init; }

    /// <summary>The import of a checkpoint; null if nothing was imported.</summary>
    public ModelImport? Import { get; init; }

    /// <summary>Why a downloaded checkpoint could not be imported and stays a file; null if there is none, or it was imported.</summary>
    public string? Remark { get; init; }
}
