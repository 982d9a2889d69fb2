namespace StableDiffusion.Building;

/// <summary>A model in some form, of which graphs can be built.</summary>
internal interface IModelSource
{
    /// <summary>The full path of its file or folder.</summary>
    string Path { get; }

    /// <summary>All that decides what is built: files by a name for each and their full paths, in a fixed order.</summary>
    IReadOnlyList<(string Name, string Path)> Inputs { get; }

    /// <summary>The choices that change what is built of the same files, in a fixed form.</summary>
    string Options { get; }

    /// <summary>In which numbers the model is built; a part of <see cref="Options"/>.</summary>
    ModelPrecision Precision { get; }

    /// <summary>The full path of the file whose hash names the model in images.</summary>
    string NamingFile { get; }

    /// <summary>Opens the files.</summary>
    /// <returns>What is in them.</returns>
    /// <exception cref="ModelNotFoundException">A file is missing.</exception>
    /// <exception cref="ModelInvalidException">A file is damaged, or of a kind that cannot be built.</exception>
    ModelContents Open();
}
