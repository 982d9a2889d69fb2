namespace StableDiffusion.Building;

/// <summary>A model in a form that graphs can be built from.</summary>
internal interface IModelSource
{
    /// <summary>The full path of its file or folder.</summary>
    string Path { get; }

    /// <summary>All files that determine the result, with a name and the full path of each, in a fixed order.</summary>
    IReadOnlyList<(string Name, string Path)> Inputs { get; }

    /// <summary>The options that change what is built from the same files, in a fixed form.</summary>
    string Options { get; }

    /// <summary>The weight precision; a part of <see cref="Options"/>.</summary>
    ModelPrecision Precision { get; }

    /// <summary>The full path of the file whose hash identifies the model in images.</summary>
    string NamingFile { get; }

    /// <summary>Opens the files.</summary>
    /// <returns>Their contents.</returns>
    /// <exception cref="ModelNotFoundException">A file is missing.</exception>
    /// <exception cref="ModelInvalidException">A file is damaged, or its kind is not supported.</exception>
    ModelContents Open();
}
