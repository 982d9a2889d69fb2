namespace StableDiffusion.Adapters;

/// <summary>What became of a layer of an adapter.</summary>
public enum AdapterKeyState
{
    /// <summary>The model's layer is changed.</summary>
    Applied,

    /// <summary>The layer is there, and left alone because its strength is 0.</summary>
    Skipped,

    /// <summary>The model has no such layer, or the change is stored in a form that is not known.</summary>
    Unmatched,
}
