namespace StableDiffusion.Noise;

/// <summary>How what lies between two vectors is found.</summary>
public enum InterpolationMode
{
    /// <summary>On the line between them: (1 - t) a + t b.</summary>
    Linear,

    /// <summary>
    /// On the arc between them, all values of both as one vector each: (sin((1 - t) θ) a + sin(t θ) b) / sin θ, where θ is the angle
    /// between them. Between two noises, it keeps the variance.
    /// </summary>
    Spherical,
}
