namespace StableDiffusion.Settings;

/// <summary>What the repainted part of an image is filled with before noise is added; A1111's masked content.</summary>
public enum MaskFill
{
    /// <summary>The image itself.</summary>
    Original,

    /// <summary>The colors around the mask, blurred into it.</summary>
    Fill,

    /// <summary>As <see cref="Fill"/>, with the noise of the seed in the latent.</summary>
    Noise,

    /// <summary>As <see cref="Fill"/>, with zeros in the latent.</summary>
    Nothing,
}
