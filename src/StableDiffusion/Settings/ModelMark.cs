namespace StableDiffusion.Settings;

/// <summary>The model that an embedding or a latent was made with, to tell later whether a model of that name is still the same.</summary>
/// <param name="Name">The model's name.</param>
/// <param name="Hash">The first digits of the hash of its weights; null if unknown.</param>
internal sealed record ModelMark(string Name, string? Hash = null)
{
    /// <summary>Whether a model has the same name but other weights. A model of another name is the choice of the user.</summary>
    /// <param name="other">The model.</param>
    public bool IsChanged(ModelMark other) => Name == other.Name && Hash is not null && other.Hash is not null && Hash != other.Hash;

    /// <summary>Names a model, with its hash if that is known.</summary>
    /// <param name="name">The name; null if unknown.</param>
    /// <param name="mark">The model; null if unknown.</param>
    public static string InWords(string? name, ModelMark? mark) => $"'{name}'{(mark?.Hash is string hash ? $" ({hash})" : string.Empty)}";
}
