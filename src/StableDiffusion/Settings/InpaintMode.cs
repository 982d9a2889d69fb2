namespace StableDiffusion.Settings;

/// <summary>How the part of an image that a mask keeps is blended into each step of the denoising.</summary>
public enum InpaintMode
{
    /// <summary>After each step, the kept part is put back with the noise of the next step, by a mask of 0 and 1: diffusers' StableDiffusionInpaintPipeline.</summary>
    Diffusers,

    /// <summary>At each step, the predicted clean latent is the image's own in the kept part, by a mask of 0 and 1: A1111.</summary>
    A1111,

    /// <summary>As <see cref="A1111"/>, by a gray mask that keeps less at high noise levels: A1111's soft inpainting.</summary>
    Soft,

    /// <summary>Before each step, the kept part gets the noise of the step, and after it, the predicted clean latent is the image's own there, by a gray mask: ComfyUI.</summary>
    ComfyUI,

    /// <summary>A gray value says from when on a pixel is repainted: differential diffusion (Levin and Fried, arXiv 2306.00950), as in ComfyUI.</summary>
    Differential,
}
