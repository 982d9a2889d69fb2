namespace StableDiffusion.Adapters;

/// <summary>Whether a layer of an adapter was applied.</summary>
public enum AdapterKeyState
{
    /// <summary>The model's layer was changed.</summary>
    Applied,

    /// <summary>The model has the layer, but the strength for it is 0.</summary>
    Skipped,

    /// <summary>The model has no such layer, or the change is stored in an unknown form.</summary>
    Unmatched,
}
