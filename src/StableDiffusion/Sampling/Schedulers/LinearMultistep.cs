namespace StableDiffusion.Sampling.Schedulers;

/// <summary>The Adams-Bashforth method with unequal steps: the weight of each earlier derivative in a step.</summary>
internal static class LinearMultistep
{
    /// <summary>The integral over the step of the Lagrange polynomial that is 1 at one of the last noise levels and 0 at the others.</summary>
    /// <param name="sigmas">The noise level at the start of each step, followed by the final one.</param>
    /// <param name="order">The number of derivatives that the step uses; at most 4.</param>
    /// <param name="step">The step.</param>
    /// <param name="back">The index of the derivative: 0 for the newest.</param>
    public static double Coefficient(IReadOnlyList<float> sigmas, int order, int step, int back)
    {
        // Gauss-Legendre quadrature with two nodes is exact up to degree 3, and so up to order 4.
        double middle = (sigmas[step] + (double)sigmas[step + 1]) / 2;
        double half = ((double)sigmas[step + 1] - sigmas[step]) / 2;
        double node = half / Math.Sqrt(3);
        return half * (Lagrange(middle - node) + Lagrange(middle + node));

        double Lagrange(double sigma)
        {
            double product = 1;
            for (int other = 0; other < order; other++)
            {
                if (other != back)
                    product *= (sigma - sigmas[step - other]) / ((double)sigmas[step - back] - sigmas[step - other]);
            }

            return product;
        }
    }
}
